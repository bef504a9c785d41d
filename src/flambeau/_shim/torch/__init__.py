"""What a child process of `flambeau run` finds as `torch`: it installs the alias and goes."""

import sys

from flambeau import _alias

_alias.install()
del sys.modules[__name__]
import torch  # noqa: E402 - now found by the alias, which takes this module's place  # pyright: ignore[reportUnusedImport]
