"""``flambeau.save`` and ``flambeau.load``."""

from __future__ import annotations

import os
import warnings
from typing import Any

from flambeau.errors import CheckpointFormatError, CheckpointRefusedError, CheckpointWarning

from ._limits import DEFAULT_LIMITS, Limits
from ._pt_reader import read_pt
from ._pt_writer import write_pt
from ._report import LoadReport
from ._source import open_source

__all__ = ["load", "save"]


def save(
    obj: Any,
    f: Any,
    pickle_module: Any = None,
    pickle_protocol: int = 2,
    _use_new_zipfile_serialization: bool = True,
    *,
    durable: bool = True,
) -> None:
    """Write an object to a ``.pt`` file that PyTorch opens with ``weights_only=True``.

    Tensors that share memory share it in the file as well, and tied ones stay tied. A path
    is written atomically: beside it, flushed to the disk, renamed; a crash at any moment
    leaves the previous file or the new one.

    Args:
        obj: tensors, parameters, numbers, strings, sizes, dtypes, devices, and lists,
            tuples, dicts and sets of them. (NumPy arrays and frozensets are written too, but
            PyTorch wants ``weights_only=False`` for those.)
        f: a path, or a file opened for binary writing.
        pickle_module: for PyTorch's signature; pickles are written by flambeau itself.
        pickle_protocol: likewise; files are always of protocol 2, as PyTorch's are.
        durable: wait until the disk has it. Without it the file is still whole whenever the
            program crashes, not when the machine does.

    Raises:
        CheckpointTypeError: ``obj`` holds something else; the error says where.
        CheckpointWriteError: the disk is full, or the path cannot be written.

    Example:
        >>> import flambeau as torch, io
        >>> file = io.BytesIO()
        >>> torch.save({"weight": torch.tensor([1.0, 2.0])}, file)
        >>> torch.load(io.BytesIO(file.getvalue()))
        {'weight': tensor([1., 2.])}

    Follows ``torch.save``.
    """
    from ._tensors import TensorDescriber

    if not _use_new_zipfile_serialization:
        raise CheckpointFormatError(
            "save(): the format of PyTorch before 1.6 can be read but is not written; leave "
            "_use_new_zipfile_serialization at True"
        )
    write_pt(obj, f, TensorDescriber(), durable=durable)


def load(
    f: Any,
    map_location: Any = None,
    pickle_module: Any = None,
    *,
    weights_only: bool | None = None,
    mmap: bool | None = None,
    strict_types: bool = False,
    limits: Limits | None = None,
    report: LoadReport | None = None,
    **pickle_load_args: Any,
) -> Any:
    """Read a checkpoint without executing anything that it names.

    Reads every format that PyTorch has written (zip; the plain pickle stream and the tar of
    old versions), safetensors, and the JSON index of a sharded checkpoint. The pickle in a
    file is interpreted by a reader that knows tensors, plain containers, numbers, strings,
    ``Size``, dtypes, devices and NumPy arrays; every other object becomes an inert
    :class:`~flambeau.serialization.Stub` that keeps its module, name and state. A warning
    lists them.

    Args:
        f: a path, a file opened for binary reading, or bytes.
        map_location: where tensors go: a device, a string, a dict from the file's locations
            to others, or a function of a storage and its location.
        pickle_module: for PyTorch's signature; no pickle module is ever run.
        weights_only: for PyTorch's signature: either value does the same safe thing.
        mmap: map the file instead of reading it; data are read when a tensor is first used,
            and checksums are not verified.
        strict_types: raise instead of making stubs.
        limits: bounds on what a hostile file may cost.
        report: a :class:`~flambeau.serialization.LoadReport` to fill in; then no warning is
            made.

    Raises:
        CheckpointFormatError: the file is damaged, or no checkpoint.
        CheckpointLimitError: it asks for more than the limits allow.
        CheckpointRefusedError: ``strict_types`` and it holds other objects.
        CheckpointDeviceError: its tensors lived on a device that is not here, and there is
            no ``map_location``.

    Example:
        >>> import flambeau as torch, io
        >>> file = io.BytesIO()
        >>> torch.save({"weight": torch.ones(2), "epoch": 3}, file)
        >>> torch.load(io.BytesIO(file.getvalue()))
        {'weight': tensor([1., 1.]), 'epoch': 3}

    Follows ``torch.load``.
    """
    from ._tensors import TensorAdapter

    unknown = set(pickle_load_args) - {"encoding", "errors", "fix_imports"}
    if unknown:
        raise TypeError(f"load() got an unexpected keyword argument {min(unknown)!r}")
    found = LoadReport() if report is None else report
    limits = limits or DEFAULT_LIMITS
    if mmap and not isinstance(f, (str, os.PathLike)):
        raise ValueError("load(): mmap=True needs a path, since a file object cannot be mapped")
    adapter = TensorAdapter(map_location, found, borrowed=bool(mmap))
    if isinstance(f, (str, os.PathLike)):
        from ._safetensors import is_index, read_index

        if is_index(f):
            return read_index(f, adapter, limits=limits, report=found, mmap=bool(mmap))
    source = open_source(f)
    try:
        from ._safetensors import looks_like_safetensors, read_safetensors

        if looks_like_safetensors(source):
            value: Any = read_safetensors(
                source, adapter, limits=limits, report=found, mmap=bool(mmap)
            )
        else:
            value = read_pt(
                source,
                adapter,
                limits=limits,
                report=found,
                mmap=bool(mmap),
                strict_types=strict_types,
            )
    finally:
        source.close()
    if strict_types and found.refused:
        raise CheckpointRefusedError(found.summary())
    if report is None and (found.refused or found.notes):
        warnings.warn(found.summary(), CheckpointWarning, stacklevel=2)
    return value
