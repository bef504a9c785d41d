"""Judging one entry of the database: what it is checked for, and what came out."""

from __future__ import annotations

import contextlib
import dataclasses
import random
import signal
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

import flambeau
import flambeau.autograd
from tests.oracle import torch
from tests.parity import scope
from tests.parity.translate import Missing, function, tensors, to_flambeau, to_torch

DTYPES = (
    torch.float32,
    torch.float64,
    torch.int64,
    torch.bool,
    torch.bfloat16,
    torch.complex64,
)


CHECKS = {
    "values": "structure, dtype, shape and values",
    "strided": "the same for arguments that are not contiguous",
    "gradient": "first and second derivatives, in float64",
    "inplace": "the in-place method",
    "out": "`out=` of the right shape, of another shape, and of other dtypes",
    "error": "error inputs",
    "missing": "the name is there",
}
"""What an entry is asked for."""


@dataclasses.dataclass
class Failure:
    """One thing that differs."""

    check: str  # one of CHECKS
    dtype: str
    message: str


@dataclasses.dataclass
class Verdict:
    """What was found about one entry."""

    name: str
    checks: int = 0
    failures: list[Failure] = dataclasses.field(default_factory=list)

    @property
    def passed(self) -> bool:
        return self.checks > 0 and not self.failures


class Timeout(Exception):
    """An entry took too long."""


@contextlib.contextmanager
def time_limit(seconds: int) -> Iterator[None]:
    """Raise :class:`Timeout` in the main thread after so many seconds."""

    def ring(*_: Any) -> None:
        raise Timeout(f"took more than {seconds} s")

    old = signal.signal(signal.SIGALRM, ring)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, old)


def judge(
    entry: Any,
    *,
    dtypes: tuple[Any, ...] = DTYPES,
    samples: int | None = 4,
    derivatives: bool = True,
    errors: bool = True,
    seconds: int = 300,
) -> Verdict:
    """Everything that is asked of an entry.

    Args:
        entry: an OpInfo.
        dtypes: the dtypes to try, where PyTorch supports them.
        samples: how many samples of each, spread over all there are; None takes all.
        derivatives: whether to check gradients (in float64) and second derivatives.
        errors: whether to try the error inputs.
        seconds: give up after that long.
    """
    verdict = Verdict(scope.key(entry))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with time_limit(seconds):
                _judge(entry, verdict, dtypes, samples, derivatives, errors)
        except Timeout as slow:
            verdict.failures.append(Failure("time", "", str(slow)))
    return verdict


def _judge(
    entry: Any,
    verdict: Verdict,
    dtypes: tuple[Any, ...],
    samples: int | None,
    derivatives: bool,
    errors: bool,
) -> None:
    try:
        fn = function(entry.op)
    except Missing as gap:
        verdict.failures.append(Failure("missing", "", str(gap)))
        return
    supported = entry.supported_dtypes("cpu")
    for dtype in dtypes:
        if dtype not in supported:
            continue
        name = str(dtype).removeprefix("torch.")
        grads = derivatives and dtype == torch.float64 and entry.supports_autograd
        _seed()
        try:
            found = _pick(list(entry.sample_inputs("cpu", dtype, requires_grad=grads)), samples)
        except Timeout:
            raise
        except Exception:
            continue  # the database has no samples of this dtype
        seen: set[str] = set()
        for sample in found:
            for check, run in _checks(entry, fn, sample, dtype, grads):
                if check in seen:
                    continue
                try:
                    run()
                    verdict.checks += 1
                except _Skip:
                    pass
                except Timeout:
                    raise
                except Missing as gap:
                    seen.add(check)
                    verdict.failures.append(Failure("missing", name, str(gap)))
                except Exception as error:
                    seen.add(check)
                    text = f"{type(error).__name__}: {error}".strip().splitlines()
                    told = f"{' '.join(text)[:400]} | {_describe(sample)[:300]}"
                    verdict.failures.append(Failure(check, name, told))
    if errors:
        _judge_errors(entry, fn, verdict)


def _seed() -> None:
    """The database draws its samples: the same ones in every run."""
    torch.manual_seed(0)
    np.random.seed(0)
    random.seed(0)


class _Skip(Exception):
    """The oracle itself does not do this."""


def _pick(samples: list[Any], limit: int | None) -> list[Any]:
    if limit is None or len(samples) <= limit:
        return samples
    return [samples[round(i * (len(samples) - 1) / (limit - 1 or 1))] for i in range(limit)]


def _describe(sample: Any) -> str:
    def show(v: Any) -> str:
        if isinstance(v, torch.Tensor):
            return f"{str(v.dtype).removeprefix('torch.')}{list(v.shape)}"
        if isinstance(v, (list, tuple)):
            return "(" + ", ".join(map(show, v)) + ")"
        return repr(v)

    parts = [show(sample.input), *map(show, sample.args)]
    parts += [f"{k}={show(v)}" for k, v in sample.kwargs.items()]
    return ", ".join(parts)


def _fresh(value: Any, memo: dict[int, Any]) -> Any:
    """The sample's own tensors again as new leaves, so that nothing written to one stays."""
    if isinstance(value, torch.Tensor):
        if id(value) not in memo:
            memo[id(value)] = value.detach().clone().requires_grad_(value.requires_grad)
        return memo[id(value)]
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*[_fresh(v, memo) for v in value])
    if isinstance(value, torch.Size):
        return value
    if isinstance(value, (list, tuple)):
        return type(value)(_fresh(v, memo) for v in value)
    if isinstance(value, dict):
        return {k: _fresh(v, memo) for k, v in value.items()}
    return value


def _call(fn: Any, arguments: tuple[Any, Any, Any]) -> Any:
    input, args, kwargs = arguments
    torch.manual_seed(0)
    return fn(input, *args, **kwargs)


def _checks(entry: Any, fn: Any, sample: Any, dtype: Any, grads: bool) -> Iterator[tuple[str, Any]]:
    raw = (sample.input, sample.args, sample.kwargs)
    state: dict[str, Any] = {}

    def values() -> None:
        state["torch"] = theirs = _fresh(raw, {})
        try:
            expected = _call(scope.EXACT.get(entry.name, entry.op), theirs)
        except Exception as error:
            raise _Skip from error
        state["ours"] = ours = to_flambeau(raw, {})
        got = _call(fn, ours)
        state["expected"], state["got"] = expected, got
        loose = entry.name in scope.UNDEFINED or _draws(entry, raw, expected)
        state["loose"] = loose
        agree(entry, got, expected, dtype, loose, raw)

    def gradient() -> None:
        if "got" not in state or state["loose"]:
            raise _Skip
        _compare_gradients(entry, sample, state, entry.supports_gradgrad)

    def strided() -> None:
        if "got" not in state or state["loose"]:
            raise _Skip
        got = _call(fn, to_flambeau(raw, {}, strided=True))
        agree(entry, got, state["expected"], dtype, False, raw)

    yield "values", values
    if not grads and entry.name not in scope.BY_LAYOUT:
        yield "strided", strided
    if grads:
        yield "gradient", gradient
    if entry.inplace_variant is not None and not grads:
        yield "inplace", lambda: _compare_inplace(entry, raw, dtype, state)
    if entry.supports_out and not grads and _documents_out(entry):
        yield "out", lambda: _compare_out(entry, fn, raw, dtype, state)


def _documents_out(entry: Any) -> bool:
    """Whether ``out=`` is part of the documented signature (some builtins take it silently)."""
    text = getattr(entry.op, "__doc__", None)
    return not text or "out" in text.split("->")[0] or ":attr:`out`" in text or "out=" in text


def agree(entry: Any, got: Any, expected: Any, dtype: Any, loose: bool, raw: Any) -> None:
    """Assert that a result is torch's, or as near to the exact answer as torch's is."""
    try:
        compare(entry, got, expected, dtype, loose)
    except AssertionError:
        if dtype not in _WIDER or not _as_good(entry, got, expected, raw, _WIDER[dtype]):
            raise


_WIDER = {
    torch.float32: torch.float64,
    torch.bfloat16: torch.float64,
    torch.complex64: torch.complex128,
}


def _as_good(entry: Any, got: Any, expected: Any, raw: Any, wide: Any) -> bool:
    """Whether flambeau is no further from the exact answer than torch, within tolerance.

    The exact answer is torch's own in the wider dtype, for the same arguments.
    """

    def widen(value: Any) -> Any:
        if isinstance(value, torch.Tensor) and value.dtype in _WIDER:
            return value.detach().to(wide if value.is_complex() == wide.is_complex else value.dtype)
        if isinstance(value, torch.dtype) and value in _WIDER:
            return wide
        if isinstance(value, torch.Size):
            return value
        if isinstance(value, (list, tuple)) and not hasattr(value, "_fields"):
            return type(value)(widen(v) for v in value)
        return {k: widen(v) for k, v in value.items()} if isinstance(value, dict) else value

    try:
        exact = tensors(_call(entry.op, widen(raw)))
    except Timeout:
        raise
    except Exception:
        return False
    ours, theirs = tensors(to_torch(got)), tensors(expected)
    if not len(ours) == len(theirs) == len(exact):
        return False
    for g, e, x in zip(ours, theirs, exact, strict=True):
        same = g.shape == e.shape == x.shape and g.dtype == e.dtype
        if not same or not (e.is_floating_point() or e.is_complex()):
            return False
        rtol, atol = tolerance(entry, e.dtype)
        x = x.detach()
        e = e.detach()
        finite = torch.isfinite(x)
        mine = (g.to(x.dtype) - x).abs()[finite]
        other = (e.to(x.dtype) - x).abs()[finite]
        other = torch.where(torch.isfinite(other), other, 0)  # torch's own failure excuses nothing
        if not (mine <= 1.5 * other + atol + rtol * x.abs()[finite]).all():
            return False
        if not torch.equal(torch.isnan(g[~finite]), torch.isnan(e[~finite])):
            return False
    return True


def _draws(entry: Any, raw: Any, expected: Any) -> bool:
    if entry.name not in scope.RANDOM:
        return False
    if entry.name in scope.ALWAYS_RANDOM:
        return True
    input, args, kwargs = _fresh(raw, {})
    seed = torch.manual_seed
    torch.manual_seed = lambda given: seed(int(given) + 12345)  # the entry may seed for itself
    try:
        torch.manual_seed(0)
        again = entry.op(input, *args, **kwargs)
    finally:
        torch.manual_seed = seed
    pairs = zip(tensors(expected), tensors(again), strict=True)
    return any(not torch.equal(a, b) and not torch.isnan(a).any() for a, b in pairs)


def tolerance(entry: Any, dtype: Any) -> tuple[float, float]:
    """PyTorch's own tolerances: by dtype, widened where its tests widen them for the entry."""
    from torch.testing._comparison import default_tolerances

    rtol, atol = default_tolerances(dtype)
    for decorator in entry.decorators:
        inner = getattr(decorator, "decorators", [decorator])
        for one in inner:
            for kind, wide in getattr(one, "overrides", {}).items():
                if kind == dtype and getattr(decorator, "device_type", None) in (None, "cpu"):
                    atol, rtol = max(atol, wide.atol), max(rtol, wide.rtol)
    loose = scope.LOOSER.get(getattr(entry, "origin", entry.name), 0)
    return max(rtol, loose), max(atol, loose)


def compare(entry: Any, got: Any, expected: Any, dtype: Any, loose: bool = False) -> None:
    """Assert that a result is torch's: structure, shape, dtype and values."""
    got = to_torch(got)
    if isinstance(expected, (list, tuple)) and not isinstance(expected, torch.Size):
        assert isinstance(got, (list, tuple)), f"expected {len(expected)} results, got one"
        assert len(got) == len(expected), f"{len(got)} results, expected {len(expected)}"
    ours, theirs = tensors(got), [t.detach() for t in tensors(expected)]
    if not theirs:
        assert got == (list(expected) if isinstance(expected, (list, tuple)) else expected) or (
            got != got and expected != expected
        ), f"{got!r} != {expected!r}"
        return
    assert len(ours) == len(theirs), f"{len(ours)} tensors, expected {len(theirs)}"
    for g, e in zip(ours, theirs, strict=True):
        assert g.shape == e.shape, f"shape {tuple(g.shape)}, expected {tuple(e.shape)}"
        assert g.dtype == e.dtype, f"dtype {g.dtype}, expected {e.dtype}"
    if loose:
        return
    free = scope.FREEDOM.get(entry.name)
    if free is not None:
        ours, theirs = list(free(ours)), list(free(theirs))
    for g, e in zip(ours, theirs, strict=True):
        close(entry, g, e)


def close(entry: Any, got: Any, expected: Any) -> None:
    """Assert that the values agree at torch's tolerances."""
    kind = expected.dtype
    if not (kind.is_floating_point or kind.is_complex):
        torch.testing.assert_close(got, expected.resolve_conj(), rtol=0, atol=0)
        return
    rtol, atol = tolerance(entry, kind)
    torch.testing.assert_close(
        got, expected.resolve_conj().resolve_neg(), rtol=rtol, atol=atol, equal_nan=True
    )


def _differentiable(result: Any) -> list[Any]:
    return [t for t in tensors(result) if t.requires_grad]


def _seeds(outs: list[Any], seed: int) -> list[Any]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(o.shape, generator=generator, dtype=o.dtype) for o in outs]


def _compare_gradients(entry: Any, sample: Any, state: dict[str, Any], second: bool) -> None:
    process = sample.output_process_fn_grad
    outs = _differentiable(process(state["expected"]))
    leaves = _differentiable(state["torch"])
    if not outs or not leaves:
        raise _Skip
    seeds = _seeds(outs, 1)
    wanted = torch.autograd.grad(
        outs, leaves, seeds, allow_unused=True, create_graph=True, materialize_grads=True
    )
    mine = _differentiable(function(process)(state["got"]))
    own = _differentiable(state["ours"])
    assert len(mine) == len(outs), f"{len(mine)} differentiable results, expected {len(outs)}"
    assert len(own) == len(leaves)
    found = flambeau.autograd.grad(
        mine,
        own,
        [to_flambeau(s) for s in seeds],
        allow_unused=True,
        create_graph=True,
        materialize_grads=True,
    )
    compare(_Plain(entry), list(found), [w.detach() for w in wanted], None)
    if not second:
        return
    again = [w for w in wanted if w.requires_grad]
    if not again:
        return
    picked = [f for f, w in zip(found, wanted, strict=True) if w.requires_grad]
    kept = [(f, s) for f, s in zip(picked, _seeds(again, 2), strict=True) if f.requires_grad]
    try:
        expected = torch.autograd.grad(
            again, leaves, _seeds(again, 2), allow_unused=True, materialize_grads=True
        )
    except RuntimeError as error:
        if "is not implemented" in str(error):
            return  # torch itself has no second derivative of these arguments
        raise
    if kept:
        twice = flambeau.autograd.grad(
            [f for f, _ in kept],
            own,
            [to_flambeau(s) for _, s in kept],
            allow_unused=True,
            materialize_grads=True,
        )
    else:
        twice = [o * 0 for o in own]
    # Where torch's second derivative is NaN there is none; ours may be finite.
    expected = [
        torch.where(e.isnan(), to_torch(t), e) for t, e in zip(twice, expected, strict=True)
    ]
    try:
        compare(_Plain(entry), list(twice), list(expected), None)
    except AssertionError as error:
        raise AssertionError(f"second derivative: {error}") from None


class _Plain:
    """An entry without the freedom of its values: gradients must agree."""

    def __init__(self, entry: Any):
        self.name = ""
        self.origin = entry.name
        self.decorators = entry.decorators


def _compare_inplace(entry: Any, raw: Any, dtype: Any, state: dict[str, Any]) -> None:
    """The in-place method gives what torch's gives, and returns the tensor itself."""
    input, args, kwargs = _fresh(raw, {})
    if not isinstance(input, torch.Tensor):
        raise _Skip
    torch.manual_seed(0)
    try:
        expected = entry.inplace_variant(input, *args, **kwargs)
    except Exception as error:
        raise _Skip from error
    if input.shape != raw[0].shape:
        raise _Skip  # an old function that resizes its tensor
    method = function(entry.inplace_variant)
    target, args, kwargs = to_flambeau(raw, {})
    got = method(target, *args, **kwargs)
    assert got is target, "the in-place method did not return its tensor"
    agree(entry, got, expected, dtype, state.get("loose", False), raw)


def _compare_out(entry: Any, fn: Any, raw: Any, dtype: Any, state: dict[str, Any]) -> None:
    """``out=`` gets the result and is what comes back; what torch refuses is refused.

    Tried with tensors of the results' shapes and dtypes, with empty ones, which are resized,
    with wider dtypes where torch takes them, and with integers.
    """
    if "expected" not in state or "got" not in state or "out" in raw[2]:
        raise _Skip
    expected = state["expected"]
    results = expected if isinstance(expected, tuple) else (expected,)
    if not results or not all(isinstance(e, torch.Tensor) for e in results):
        raise _Skip
    ran = False
    for shaped, cast in ((True, None), (False, None), (True, _wider), (True, _whole)):
        if cast is not None and all(cast(e.dtype) == e.dtype for e in results):
            continue
        outs = tuple(
            torch.zeros(
                e.shape if shaped else (0,), dtype=e.dtype if cast is None else cast(e.dtype)
            )
            for e in results
        )
        theirs: Any = outs if isinstance(expected, tuple) else outs[0]
        ours = to_flambeau(theirs)
        input, args, kwargs = _fresh(raw, {})
        refused = None
        torch.manual_seed(0)
        try:
            entry.op(input, *args, **kwargs, out=theirs)
        except Exception as error:
            refused = error
        if refused is not None and cast is not _whole:
            # No out= for these arguments; or one of torch's refusals to widen, which follow no
            # rule: to take the wider dtype is no difference that a program meets.
            continue
        input, args, kwargs = to_flambeau(raw, {})
        torch.manual_seed(0)
        ran = True
        try:
            got = fn(input, *args, **kwargs, out=ours)
        except Exception as error:
            if refused is not None and isinstance(error, (RuntimeError, TypeError)):
                continue
            raise
        kinds = [str(e.dtype).removeprefix("torch.") for e in outs]
        assert refused is None, f"out= of {kinds} is taken; torch: {str(refused)[:80]}"
        for g, o in zip(tensors(got), tensors(ours), strict=True):
            assert g is o, "out= is not what came back"
        if cast is None:
            agree(entry, ours, expected, dtype, state.get("loose", False), raw)
        else:
            compare(entry, ours, theirs, dtype, True)
    if not ran:
        raise _Skip


_WIDE = {
    torch.float32: torch.float64,
    torch.complex64: torch.complex128,
}


def _wider(dtype: Any) -> Any:
    return _WIDE.get(dtype, dtype)


def _whole(dtype: Any) -> Any:
    return torch.int64 if dtype.is_floating_point or dtype.is_complex else dtype


def _judge_errors(entry: Any, fn: Any, verdict: Verdict) -> None:
    """Error inputs raise the class that torch raises."""
    if entry.error_inputs_func is None:
        return
    try:
        bad = list(entry.error_inputs("cpu"))
    except Exception:
        return
    for one in bad:
        sample = one.sample_input
        raw = (sample.input, sample.args, sample.kwargs)
        if entry.name.startswith("__") and not isinstance(sample.input, torch.Tensor):
            continue  # Python itself refuses to call a method of another class
        try:
            ours = to_flambeau(raw, {})
        except Timeout:
            raise
        except Exception:
            continue  # not something flambeau can be given
        try:
            _call(entry.op, _fresh(raw, {}))
        except Exception:
            pass
        else:
            continue  # listed as an error, and none on this build
        try:
            got = _call(fn, ours)
            to_torch(got)
        except Timeout:
            raise
        except Exception as error:
            if isinstance(error, one.error_type):
                verdict.checks += 1
                continue
            told = f"raised {type(error).__name__} ({str(error)[:100]}), expected {one.error_type}"
        else:
            told = f"raised nothing, expected {one.error_type}: {one.error_regex[:80]}"
        told = f"{told} | {_describe(sample)[:200]}"
        verdict.failures.append(Failure("error", "", told))
