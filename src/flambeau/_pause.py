"""No garbage collection while flambeau and JAX are imported.

An import makes hundreds of thousands of objects and no garbage; looking through them again and
again takes a sixth of it. The facade holds a :class:`Pause` until all is there.
"""

from __future__ import annotations

import gc


class Pause:
    """Collections stop when it is made, if they were on, and go on when it is dropped.

    So they also go on where an import fails, which drops the half-made module that holds it.
    What was made in between counts as old, as it does after three collections.
    """

    def __init__(self) -> None:
        self._were_on = gc.isenabled()
        gc.disable()

    def __del__(self) -> None:
        if gc.get_freeze_count() == 0:  # else what the user has frozen would thaw
            gc.freeze()
            gc.unfreeze()
        if self._were_on:
            gc.enable()
