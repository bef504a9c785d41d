"""Running a function without running it: operations are recorded, shapes inferred, no data made."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from flambeau._autograd.grad_mode import no_grad
from flambeau._engine import random, recorder
from flambeau._tensor.core import TensorBase
from flambeau._warnings import user_place


class _Dry(recorder.Capture):
    """Reading a value is refused: there is none."""

    def __init__(self, who: str) -> None:
        super().__init__(holds=True)
        self.who = who

    def refuse_read(self) -> None:
        file, line = user_place()
        raise RuntimeError(
            f"{self.who}: a value is read at {file}:{line} (print(), .item(), `if tensor:` or a "
            "result whose shape depends on data), and no data is there: this looks at shapes "
            "only. Give the part of the model that does not read"
        )


@contextlib.contextmanager
def dry_run(model: Any, who: str) -> Iterator[Callable[[], dict[Any, recorder.State]]]:
    """Within the block operations on the model are recorded and then forgotten.

    Parameters, buffers, attributes and random state are afterwards what they were. Gives a
    function that tells the state of every device's graph.
    """
    recorder.flush()
    capture = recorder.capturing()
    held = [(m, dict(vars(m))) for m in model.modules()]
    tensors = [t for m, fields in held for t in _tensors(m, fields)]
    storages = [(t._storage, t._storage.value, t._storage.version) for t in tensors]
    keys = [(stream, stream.key) for stream in random._streams.values()]
    seeded = set(random._streams)
    recorder.set_capture(_Dry(who))
    try:
        with no_grad():
            yield lambda: {d: g.state for d, g in recorder._thread.graphs.items()}
    finally:
        recorder.set_capture(capture)
        for graph in recorder._thread.graphs.values():
            graph.reset()
        for module, fields in held:
            now = vars(module)
            for name in set(now) - set(fields):
                del now[name]
            now.update(fields)
        for storage, value, version in storages:
            storage.value, storage.version = value, version
            if value.array is not None:  # else its place is not in what was recorded here
                value.place = None
        for stream, key in keys:
            stream.key = key
            key.place = None
        for device in set(random._streams) - seeded:
            del random._streams[device]


def _tensors(module: Any, fields: dict[str, Any]) -> list[TensorBase]:
    found = [*module._parameters.values(), *module._buffers.values(), *fields.values()]
    return [t for t in found if isinstance(t, TensorBase)]
