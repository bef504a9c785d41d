"""The whole state of a training run, in one file."""

from __future__ import annotations

import glob
import os
import random
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from flambeau._engine.executor import begin
from flambeau.errors import CheckpointError, CheckpointFormatError, CheckpointWarning
from flambeau.serialization._api import load, save
from flambeau.serialization._atomic import remove_leftovers
from flambeau.serialization._background import PendingSave, save_async
from flambeau.serialization._report import LoadReport
from flambeau.serialization._state_dict import check_state_dict, rename

__all__ = ["TrainingState", "resume", "save_training"]

_FORMAT = "flambeau-training"
_VERSION = 1


@dataclass(slots=True)
class TrainingState:
    """What :func:`resume` found.

    Args:
        path: the file.
        step: the step that it was saved at.
        extra: everything else that was saved by name.
        report: what reading it found.
    """

    path: str
    step: int | None
    extra: dict[str, Any] = field(default_factory=dict)
    report: LoadReport = field(default_factory=LoadReport)


def save_training(
    path: Any,
    *,
    model: Any = None,
    optimizer: Any = None,
    scheduler: Any = None,
    scaler: Any = None,
    rng: Any = True,
    step: int | None = None,
    keep_last: int | None = None,
    background: bool = False,
    durable: bool = True,
    **extra: Any,
) -> PendingSave | None:
    """Write all that a run needs to go on exactly as if it had not been interrupted.

    The file is an ordinary checkpoint (``flambeau.load`` and ``torch.load`` read it), written
    atomically and with a checksum for every tensor.

    Args:
        path: the file. ``{step}`` in it is replaced by the step: ``"run-{step:06d}.ckpt"``.
        model: a module, or a dict or list of modules.
        optimizer: an optimizer, or several likewise.
        scheduler: a learning rate scheduler, or several.
        scaler: a gradient scaler.
        rng: True saves flambeau's, Python's and NumPy's random state; a Generator (or a dict
            of them) is saved besides; False saves none.
        step: how many steps have been done.
        keep_last: keep so many files of a path with ``{step}`` and remove older ones, once
            the new one is in place.
        background: write in another thread and return at once.
        durable: wait until the disk has it.
        extra: other plain data and tensors, or objects with ``state_dict()``, by name.

    Returns:
        With ``background``, a handle to wait on.

    Raises:
        CheckpointTypeError: something is no plain data.
        CheckpointWriteError: writing failed; earlier files are untouched.
        ValueError: ``keep_last`` without ``{step}`` in the path.

    Example:
        >>> import flambeau as torch, os, tempfile
        >>> from flambeau.serialization import resume, save_training
        >>> layer = torch.nn.Linear(2, 1)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     save_training(os.path.join(folder, "run.ckpt"), model=layer, step=3)
        ...     resume(os.path.join(folder, "run.ckpt"), model=layer).step
        3
    """
    template = os.fspath(path)
    numbered = "{step" in template
    if numbered and step is None:
        raise ValueError(f"save_training(): {template!r} asks for a step; pass step=")
    if keep_last is not None and (not numbered or keep_last < 1):
        raise ValueError(
            "save_training(): keep_last needs a path with '{step}' in it, such as "
            f"'run-{{step:06d}}.ckpt', and at least 1; got {template!r} and {keep_last}"
        )
    target = template.format(step=step) if numbered else template
    state: dict[str, Any] = {"format": _FORMAT, "version": _VERSION, "step": step}
    for name, part in (
        ("model", model), ("optimizer", optimizer), ("scheduler", scheduler), ("scaler", scaler),
    ):  # fmt: skip
        if part is not None:
            state[name] = _state_of(part)
    if rng is not False and rng is not None:
        state["rng"] = _random_state(rng)
    state["extra"] = {name: _state_of(part) for name, part in extra.items()}

    def clean() -> None:
        remove_leftovers(target)
        if keep_last is not None:
            for _, old in _numbered(template)[:-keep_last]:
                if old != target:
                    os.unlink(old)

    if background:
        return save_async(state, target, durable=durable, then=clean)
    save(state, target, durable=durable)
    clean()
    return None


def resume(
    path: Any,
    *,
    model: Any = None,
    optimizer: Any = None,
    scheduler: Any = None,
    scaler: Any = None,
    rng: Any = True,
    strict: bool = True,
    map_location: Any = None,
    **extra: Any,
) -> TrainingState:
    """Put a run back into the state that :func:`save_training` wrote.

    Args:
        path: the file. With ``{step}`` in it, the newest file that is whole; damaged ones are
            passed over with a warning.
        model: the module(s) to load into; likewise the following.
        optimizer: the optimizer(s).
        scheduler: the scheduler(s).
        scaler: the gradient scaler.
        rng: True restores the random state; a Generator or a dict of them as it was saved.
        strict: a name that is missing or unexpected in the model is an error.
        map_location: where tensors go; see :func:`flambeau.load`.
        extra: objects with ``load_state_dict`` for what was saved under these names.

    Returns:
        The step and the rest of what was saved.

    Raises:
        FileNotFoundError: there is no such file.
        CheckpointError: no file is whole.
        CheckpointFormatError: it was not written by ``save_training``, or lacks a part that
            was asked for.
        StateDictError: the model is another one; the error is a table of what differs.

    Example:
        >>> import flambeau as torch, tempfile
        >>> model = torch.nn.Linear(2, 2)
        >>> folder = tempfile.TemporaryDirectory()
        >>> torch.save_training(f"{folder.name}/run.ckpt", model=model, step=7)
        >>> torch.resume(f"{folder.name}/run.ckpt", model=model).step
        7
        >>> folder.cleanup()
    """
    found, state, report = _newest(os.fspath(path), map_location)
    wanted = {"model": model, "optimizer": optimizer, "scheduler": scheduler, "scaler": scaler}
    absent = [name for name, part in wanted.items() if part is not None and name not in state]
    absent += [name for name in extra if name not in state["extra"]]
    if absent:
        held = [name for name in wanted if name in state] + list(state["extra"])
        raise CheckpointFormatError(
            f"{found} holds no {', '.join(absent)}; it holds {', '.join(held) or 'nothing'}"
        )
    if model is not None:  # checked before anything is changed
        _each(model, state["model"], lambda part, held: _load_model(part, held, strict, True))
        _each(model, state["model"], lambda part, held: _load_model(part, held, strict, False))
    for name in ("optimizer", "scheduler", "scaler"):
        if wanted[name] is not None:
            _each(wanted[name], state[name], lambda part, held: part.load_state_dict(held))
    for name, part in extra.items():
        _each(part, state["extra"][name], lambda part, held: part.load_state_dict(held))
    if rng is not False and rng is not None and "rng" in state:
        _restore_random(rng, state["rng"])
    begin()  # the copies run on their own, so that the next step is the program it always was
    return TrainingState(found, state["step"], state["extra"], report)


# -- parts -------------------------------------------------------------------------------------


def _state_of(part: Any) -> Any:
    if hasattr(part, "state_dict"):
        return part.state_dict()
    if isinstance(part, Mapping) and any(hasattr(p, "state_dict") for p in part.values()):
        return {name: _state_of(p) for name, p in part.items()}
    if isinstance(part, (list, tuple)) and any(hasattr(p, "state_dict") for p in part):
        return [_state_of(p) for p in part]
    return part


def _each(part: Any, held: Any, load_one: Any) -> None:
    if hasattr(part, "load_state_dict"):
        load_one(part, held)
    elif isinstance(part, Mapping):
        for name, one in part.items():
            load_one(one, held[name])
    elif isinstance(part, (list, tuple)):
        if len(part) != len(held):
            raise CheckpointFormatError(
                f"resume(): {len(part)} objects were given where {len(held)} were saved"
            )
        for one, state in zip(part, held, strict=True):
            load_one(one, state)
    else:
        raise TypeError(
            f"resume(): a {type(part).__name__} has no load_state_dict(); pass the object that "
            "was saved, or a dict or list of such objects"
        )


def _load_model(model: Any, held: Any, strict: bool, only_check: bool) -> None:
    report = check_state_dict(model, held)
    if only_check:
        if (strict and (report.missing or report.unexpected)) or report.mismatched:
            report.check()
        return
    model.load_state_dict(rename(held, report.prefix), strict=strict)


# -- random state --------------------------------------------------------------------------------


def _random_state(rng: Any) -> dict[str, Any]:
    from flambeau import random as ours

    version, words, gauss = random.getstate()
    kind, keys, position, has_gauss, cached = np.random.get_state()
    state: dict[str, Any] = {
        "flambeau": ours.get_rng_state(),
        "python": [version, _packed(np.array(words, np.uint64)), gauss],
        "numpy": [
            str(kind),
            _packed(np.asarray(keys)),
            int(position),
            int(has_gauss),
            float(cached),
        ],
    }
    if rng is not True:
        generators = rng if isinstance(rng, Mapping) else {"": rng}
        state["generators"] = {name: g.get_state() for name, g in generators.items()}
    return state


def _packed(array: np.ndarray) -> Any:
    from flambeau._tensor.construct import from_numpy

    return from_numpy(array.astype(np.int64))


def _unpacked(tensor: Any) -> np.ndarray:
    return np.asarray(tensor.numpy())


def _restore_random(rng: Any, state: dict[str, Any]) -> None:
    from flambeau import random as ours

    ours.set_rng_state(state["flambeau"])
    version, words, gauss = state["python"]
    random.setstate((version, tuple(int(w) for w in _unpacked(words)), gauss))
    kind, keys, position, has_gauss, cached = state["numpy"]
    np.random.set_state((kind, _unpacked(keys).astype(np.uint32), position, has_gauss, cached))
    if rng is not True:
        generators = rng if isinstance(rng, Mapping) else {"": rng}
        for name, generator in generators.items():
            if name not in state.get("generators", {}):
                raise CheckpointFormatError(f"resume(): no generator {name!r} was saved")
            generator.set_state(state["generators"][name])


# -- files -----------------------------------------------------------------------------------------


def _numbered(template: str) -> list[tuple[int, str]]:
    """The files of a template with ``{step}``, oldest first."""
    before, after = re.split(r"\{step[^}]*\}", template, maxsplit=1)
    pattern = re.compile(re.escape(before) + r"(\d+)" + re.escape(after.format()) + r"\Z")
    found = []
    for path in glob.glob(f"{glob.escape(before)}*{glob.escape(after)}"):
        match = pattern.match(path)
        if match is not None:
            found.append((int(match[1]), path))
    return sorted(found)


def _newest(template: str, map_location: Any) -> tuple[str, dict[str, Any], LoadReport]:
    if "{step" not in template:
        return template, *_read(template, map_location)
    paths = [path for _, path in reversed(_numbered(template))]
    if not paths:
        raise FileNotFoundError(f"resume(): there is no file of the form {template!r}")
    errors = []
    for path in paths:
        try:
            return path, *_read(path, map_location)
        except (CheckpointError, OSError) as error:
            errors.append(f"{os.path.basename(path)}: {error}")
            if path is not paths[-1]:
                warnings.warn(
                    f"resume(): {error}; trying the checkpoint before it", CheckpointWarning
                )
    raise CheckpointFormatError(f"resume(): no file of {template!r} is whole: {'; '.join(errors)}")


def _read(path: str, map_location: Any) -> tuple[dict[str, Any], LoadReport]:
    report = LoadReport()
    state = load(path, map_location, report=report, strict_types=True)
    if not isinstance(state, dict) or state.get("format") != _FORMAT:
        raise CheckpointFormatError(
            f"{path} was not written by save_training(); read it with flambeau.load()"
        )
    if state["version"] != _VERSION:
        raise CheckpointFormatError(
            f"{path} is of version {state['version']!r}, this flambeau reads {_VERSION}"
        )
    return state, report
