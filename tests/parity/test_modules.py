"""flambeau's modules against the database of modules that PyTorch ships.

Every dense entry: state-dict keys, shapes, dtypes and order, `named_*`, forward and backward in
train and eval mode with weights carried over, second derivatives where declared, repr, pickle
and deepcopy, and the module in another dtype. `FLAMBEAU_PARITY_FULL=1` takes every sample.
"""

from __future__ import annotations

import copy
import dataclasses
import inspect
import os
import pickle
import warnings
from typing import Any

import numpy as np
import pytest

import flambeau
from tests.oracle import assert_close, to_numpy, torch

common = pytest.importorskip("torch.testing._internal.common_modules")

F = torch.nn.functional
FULL = os.environ.get("FLAMBEAU_PARITY_FULL", "") not in ("", "0")
SAMPLES = None if FULL else 3
ENTRIES = {entry.name: entry for entry in common.module_db}

# Drawn numbers cannot agree: these are compared where they draw nothing.
RANDOM = {"nn.FractionalMaxPool2d", "nn.FractionalMaxPool3d"}
# Long programs: fewer samples, and second derivatives in the full run only.
LONG = {
    "nn.CTCLoss",
    "nn.GRU",
    "nn.LSTM",
    "nn.MultiheadAttention",
    "nn.RNN",
    "nn.Transformer",
    "nn.TransformerDecoderLayer",
    "nn.TransformerEncoder",
    "nn.TransformerEncoderLayer",
}
# Deep sums in float64 by another order of addition.
LOOSE = {"nn.Transformer": 1e-7, "nn.TransformerEncoder": 1e-7}


TWINS: dict[int, tuple[Any, Any]] = {}


def ours(value: Any) -> Any:
    """torch's tensors, dtypes and modules as flambeau's."""
    if isinstance(value, torch.Tensor):
        # Some samples give one tensor twice.
        if id(value) not in TWINS:
            made = flambeau.tensor(to_numpy(value), dtype=ours(value.dtype))
            TWINS[id(value)] = value, made.requires_grad_() if value.requires_grad else made
        return TWINS[id(value)][1]
    if isinstance(value, torch.dtype):
        return getattr(flambeau, str(value).removeprefix("torch."))
    if isinstance(value, torch.nn.Module):
        return twin(value)
    if isinstance(value, (list, tuple)):
        items = [ours(v) for v in value]
        return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)
    if isinstance(value, dict):
        return {k: ours(v) for k, v in value.items()}
    if getattr(value, "__module__", "").startswith("torch.nn.modules.linear_cross"):
        names = [f.name for f in dataclasses.fields(flambeau.nn.LinearCrossEntropyOptions)]
        return flambeau.nn.LinearCrossEntropyOptions(**{n: ours(getattr(value, n)) for n in names})
    # By name, not by module: gelu is a builtin of another one.
    if callable(value) and getattr(F, getattr(value, "__name__", ""), None) is value:
        return getattr(flambeau.nn.functional, value.__name__)
    return value


def twin(module: Any) -> Any:
    """A flambeau layer like a torch encoder or decoder layer."""
    made = getattr(flambeau.nn, type(module).__name__)(
        module.self_attn.embed_dim,
        module.self_attn.num_heads,
        module.linear1.out_features,
        module.dropout.p,
        ours(module.activation),
        module.norm1.eps,
        module.self_attn.batch_first,
        module.norm_first,
        module.linear1.bias is not None,
        dtype=ours(module.linear1.weight.dtype),
    )
    carry(module, made)
    return made


def carry(source: Any, target: Any) -> None:
    """Load torch's weights into flambeau's module."""
    state = {k: ours(v.detach()) for k, v in source.state_dict().items()}
    target.load_state_dict(state)


def samples(entry: Any, dtype: Any, training: bool) -> list[Any]:
    found = entry.module_inputs_func(
        entry, device="cpu", dtype=dtype, requires_grad=True, training=training
    )
    if SAMPLES is None or len(found) <= SAMPLES:
        return found
    count = 2 if entry.name in LONG else SAMPLES
    # The first, and others spread over the rest.
    return [found[i * (len(found) - 1) // (count - 1)] for i in range(count)]


def build(entry: Any, sample: Any) -> tuple[Any, Any]:
    name = entry.name.removeprefix("nn.")
    args, kwargs = sample.constructor_input.args, sample.constructor_input.kwargs
    kwargs = {k: v for k, v in kwargs.items() if k != "device"}
    torch.manual_seed(0)
    theirs = entry.module_cls(*args, **kwargs).to(torch.float64)
    mine = getattr(flambeau.nn, name)(*ours(args), **ours(kwargs))
    return theirs, mine.to(flambeau.float64)


def described(module: Any) -> Any:
    """Everything about a module's tensors but their values."""

    def facts(pairs: Any) -> list[tuple[str, Any, str]]:
        return [(n, tuple(t.shape), str(t.dtype).removeprefix("torch.")) for n, t in pairs]

    return {
        "state": facts(module.state_dict().items()),
        "parameters": facts(module.named_parameters()),
        "buffers": facts(module.named_buffers()),
        "modules": [(n, type(m).__name__) for n, m in module.named_modules()],
        "trainable": [p.requires_grad for p in module.parameters()],
    }


def tensors(value: Any) -> list[Any]:
    """The tensors in a nest of containers, in order."""
    if isinstance(value, (torch.Tensor, flambeau.Tensor)):
        return [value]
    if isinstance(value, (list, tuple)):
        return [t for v in value for t in tensors(v)]
    if isinstance(value, dict):
        return [t for v in value.values() for t in tensors(v)]
    return []


def call(module: Any, args: Any, kwargs: Any, *, second: bool) -> tuple[Any, Any, Any]:
    """Outputs, gradients of their sum weighted by place, and second derivatives."""
    library = torch if isinstance(module, torch.nn.Module) else flambeau
    outputs = tensors(module(*args, **kwargs))
    leaves = [t for t in tensors((args, kwargs)) if t.requires_grad]
    leaves += [p for p in module.parameters() if p.requires_grad]
    total = None
    for out in outputs:
        if out.requires_grad:
            weight = np.cos(np.arange(out.numel())).reshape(tuple(out.shape))
            part = (out * library.from_numpy(np.asarray(weight))).sum()
            total = part if total is None else total + part
    if total is None or not leaves:
        return outputs, [], []
    grads = library.autograd.grad(total, leaves, create_graph=second, allow_unused=True)
    more: list[Any] = []
    if second:
        # With a part that always depends, so that a gradient that is constant gives zeros.
        squares = [(g * g).sum() for g in grads if g is not None and g.requires_grad]
        squares += [(leaf * 0).sum() for leaf in leaves]
        try:
            more = list(library.autograd.grad(sum(squares), leaves))
        except RuntimeError as error:
            if library is flambeau or "is not implemented" not in str(error):
                raise
    return outputs, list(grads), [m.clone() for m in more]


def check(name: str, sample: Any, entry: Any, training: bool, second: bool) -> None:
    TWINS.clear()
    theirs, mine = build(entry, sample)
    args, kwargs = sample.forward_input.args, sample.forward_input.kwargs
    my_args, my_kwargs = ours(args), ours(kwargs)
    assert repr(mine) == repr(theirs)
    if entry.is_lazy:
        with torch.no_grad(), flambeau.no_grad():
            theirs(*args, **kwargs)
            mine(*my_args, **my_kwargs)
        assert type(mine).__name__ == type(theirs).__name__
    assert described(mine) == described(theirs)
    carry(theirs, mine)
    theirs.train(training)
    mine.train(training)
    if name in RANDOM and "_random_samples" not in sample.constructor_input.kwargs:
        assert [tuple(t.shape) for t in tensors(mine(*my_args))] == [
            tuple(t.shape) for t in tensors(theirs(*args))
        ]
        return
    if second and name == "nn.LinearCrossEntropyLoss":
        # Its chunks have gradients computed beforehand, which torch takes for constants.
        theirs.options = None
    rtol = LOOSE.get(name)
    expected = call(theirs, args, kwargs, second=second)
    actual = call(mine, my_args, my_kwargs, second=second)
    for part, e, a in zip(("outputs", "gradients", "second"), expected, actual, strict=True):
        if part == "second" and not e:
            continue  # torch cannot derive it twice
        try:
            assert_close(a, e, rtol=rtol, atol=1e-8)
        except AssertionError as error:
            raise AssertionError(f"{part}: {error}") from None
    assert_close(
        [t for _, t in mine.named_buffers()], [t for _, t in theirs.named_buffers()], rtol=1e-6
    )


def check_copies(entry: Any, sample: Any) -> None:
    _, mine = build(entry, sample)
    args, kwargs = ours(sample.forward_input.args), ours(sample.forward_input.kwargs)
    mine.eval()
    with flambeau.no_grad():
        if entry.name in RANDOM:
            flambeau.manual_seed(0)
        before = tensors(mine(*args, **kwargs))
        for twin in (copy.deepcopy(mine), pickle.loads(pickle.dumps(mine))):
            assert type(twin) is type(mine)
            assert described(twin) == described(mine)
            assert not {id(p) for p in twin.parameters()} & {id(p) for p in mine.parameters()}
            if entry.name in RANDOM:
                flambeau.manual_seed(0)
            for a, b in zip(tensors(twin(*args, **kwargs)), before, strict=True):
                # To rounding: a twin's first call may run as another program than the original's.
                np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-12, atol=1e-12)


def check_dtype(entry: Any, sample: Any) -> None:
    """`dtype=` and `device=` of the constructor reach every floating tensor, and `.to` too."""
    name = entry.name.removeprefix("nn.")
    args, kwargs = ours(sample.constructor_input.args), ours(sample.constructor_input.kwargs)
    cls = getattr(flambeau.nn, name)
    if "dtype" not in kwargs:
        made = cls(*args, **{k: v for k, v in kwargs.items() if k != "device"}).half()
    else:
        made = cls(*args, **(kwargs | {"dtype": flambeau.float16, "device": "cpu"}))
    for _, t in (*made.named_parameters(), *made.named_buffers()):
        if not flambeau.nn.lazy.is_lazy(t) and t.dtype.is_floating_point:
            given = "weight" in kwargs or "pos_weight" in kwargs
            assert t.dtype is flambeau.float16 or given
        assert t.device == flambeau.device("cpu")


def check_meta(entry: Any, sample: Any) -> None:
    """On the device without data: the same tensors, which can then be given data."""
    args, kwargs = ours(sample.constructor_input.args), ours(sample.constructor_input.kwargs)
    cls = getattr(flambeau.nn, entry.name.removeprefix("nn."))
    here = cls(*args, **kwargs)
    # Some layers make no tensors and take no device.
    takes = "device" in inspect.signature(cls).parameters or "dtype" in kwargs
    made = cls(*args, **(kwargs | {"device": "meta"})) if takes else cls(*args, **kwargs).to("meta")
    if entry.is_lazy:
        assert {p.device.type for p in made.parameters()} <= {"meta"}
        return
    given = set() if not takes else {"weight", "pos_weight"} & set(kwargs)
    assert described(made) == described(here)
    for n, t in (*made.named_parameters(), *made.named_buffers()):
        assert t.is_meta or n in given
    made.to_empty(device="cpu")
    assert described(made) == described(here)
    assert not any(t.is_meta for t in (*made.parameters(), *made.buffers()))
    made.load_state_dict(here.state_dict())


def check_subclass(entry: Any, sample: Any) -> None:
    """A subclass, `__setstate__`, `share_memory`, and a layer's own name where it is a part."""
    args, kwargs = ours(sample.constructor_input.args), ours(sample.constructor_input.kwargs)
    kwargs.pop("device", None)
    base = getattr(flambeau.nn, entry.name.removeprefix("nn."))

    class Own(base):
        def forward(self, *args, **kwargs):
            return super().forward(*args, **kwargs)

    own, plain = Own(*args, **kwargs), base(*args, **kwargs)
    assert isinstance(own, base)
    if not entry.is_lazy:
        assert described(own)["state"] == described(plain)["state"]
        own.load_state_dict(plain.state_dict())
        own.double().eval(), plain.double().eval()
        inputs = ours(sample.forward_input.args), ours(sample.forward_input.kwargs)
        if entry.name not in RANDOM:
            with flambeau.no_grad():
                results = [tensors(m(*inputs[0], **inputs[1])) for m in (own, plain)]
            for a, b in zip(*results, strict=True):
                np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-12, atol=1e-12)
        assert plain.share_memory() is plain
    twin = base.__new__(base)
    twin.__setstate__(dict(plain.__dict__))
    assert repr(twin) == repr(plain)
    assert list(twin.state_dict()) == list(plain.state_dict())


@pytest.mark.parametrize("name", ENTRIES)
@pytest.mark.filterwarnings("ignore")
def test_meta_subclass_and_state(name):
    TWINS.clear()
    entry = ENTRIES[name]
    first = samples(entry, torch.float64, True)[0]
    check_meta(entry, first)
    check_subclass(entry, first)


@pytest.mark.parametrize("name", ENTRIES)
@pytest.mark.filterwarnings("ignore")
def test_module(name):
    entry = ENTRIES[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for training in (True, False) if entry.train_and_eval_differ else (True,):
            for i, sample in enumerate(samples(entry, torch.float64, training)):
                second = (
                    entry.supports_gradgrad and training and (FULL or (i == 0 and name not in LONG))
                )
                check(name, sample, entry, training, second)
        first = samples(entry, torch.float64, True)[0]
        check_copies(entry, first)
        check_dtype(entry, first)


def test_every_entry_is_a_module_of_flambeau():
    assert {n for n in ENTRIES if not hasattr(flambeau.nn, n.removeprefix("nn."))} == set()
