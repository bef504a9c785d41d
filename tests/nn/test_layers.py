"""Every layer next to torch's: repr, parameters, forward and backward in both modes."""

from __future__ import annotations

import copy
import inspect
import pickle
import warnings

import numpy as np
import pytest

import flambeau
from tests.nn.both import carry, caught, same, seen
from tests.nn.layers import CASES
from tests.oracle import torch

nn = flambeau.nn

# Reductions in another order, and products of long sums.
TOLERANCE = {"rtol": 2e-4, "atol": 2e-5}


def built(library, name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return CASES[name][0](library)


def described(m):
    return {
        "repr": repr(m),
        "parameters": [(n, tuple(p.shape), p.requires_grad) for n, p in m.named_parameters()],
        "buffers": [(n, tuple(b.shape), str(b.dtype)) for n, b in m.named_buffers()],
        "state": list(m.state_dict()),
        "attributes": {
            k: v if isinstance(v, (int, float, str, bool, tuple, list)) else None
            for k, v in sorted(vars(m).items())
            if not k.startswith("_") and not isinstance(v, type(nn.Module()))
        },
    }


@pytest.mark.parametrize("name", CASES)
def test_description(name):
    ours, theirs = (described(built(library, name)) for library in (flambeau, torch))
    ours["attributes"].pop("distance_function", None)
    theirs["attributes"].pop("distance_function", None)
    assert ours == theirs


def outputs_of(result):
    return (
        [r for part in result for r in outputs_of(part)] if isinstance(result, tuple) else [result]
    )


def run(library, module, arrays):
    """Outputs, then gradients of float inputs and of parameters, then buffers."""
    tensors = [library.tensor(a) for a in arrays]
    for t in tensors:
        if t.is_floating_point():
            t.requires_grad_()
    args = tensors
    if isinstance(module, library.nn.RNNBase) and len(args) == 2:
        args = [args[0], args[1]]
    outs = outputs_of(module(*args))
    loss = sum((o * o).sum() for o in outs if o.is_floating_point())
    if getattr(loss, "requires_grad", False):
        loss.backward()
    return [
        *[o.detach() for o in outs],
        *[t.grad for t in tensors if t.is_floating_point()],
        *[p.grad for p in module.parameters()],
        *module.buffers(),
    ]


def equal(ours, theirs):
    assert len(ours) == len(theirs)
    for i, (a, b) in enumerate(zip(ours, theirs, strict=True)):
        if b is None:
            assert a is None, i
            continue
        assert tuple(a.shape) == tuple(b.shape), i
        assert str(a.dtype) == str(b.dtype), i
        np.testing.assert_allclose(
            a.detach().numpy(), b.detach().numpy(), **TOLERANCE, err_msg=str(i)
        )


@pytest.mark.filterwarnings("ignore:LSTM with projections:UserWarning")
@pytest.mark.parametrize("mode", ["train", "eval"])
@pytest.mark.parametrize("name", CASES)
def test_forward_and_backward(name, mode):
    arrays = CASES[name][1](np.random.default_rng(0))
    theirs, ours = built(torch, name), built(flambeau, name)
    carry(theirs, ours)
    if mode == "eval":
        ours.eval()
        theirs.eval()
    saw, expected = run(flambeau, ours, arrays), run(torch, theirs, arrays)
    if "CrossMapLRN" in name:
        # PyTorch's backward is not the derivative of its forward here.
        saw, expected = saw[:1], expected[:1]
    equal(saw, expected)


@pytest.mark.parametrize(
    "name", ["nn.Linear(4, 5)", "nn.BatchNorm2d(4)", "nn.LSTM(4, 5)", "nn.Conv2d(4, 6, 3)"]
)
@pytest.mark.parametrize("how", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copies_compute_the_same(name, how):
    m = built(flambeau, name)
    other = how(m)
    assert repr(other) == repr(m)
    assert type(other) is type(m)
    x = flambeau.tensor(CASES[name][1](np.random.default_rng(0))[0])
    m.eval()
    other.eval()
    for a, b in zip(outputs_of(m(x)), outputs_of(other(x)), strict=True):
        assert a.tolist() == b.tolist()
    for a, b in zip(m.parameters(), other.parameters(), strict=True):
        assert a is not b


@pytest.mark.parametrize(
    "name",
    [n for n in nn.__all__ if inspect.isclass(v := getattr(nn, n)) and issubclass(v, nn.Module)],
)
def test_signatures(name):
    def shown(library):
        signature = inspect.signature(getattr(library.nn, name).__init__)
        # Functions as defaults are compared by name: each library has its own.
        return [
            (p.name, p.kind, getattr(p.default, "__name__", p.default))
            for p in signature.parameters.values()
        ][1:]

    ours, theirs = shown(flambeau), shown(torch)
    if theirs and theirs[0][1] is inspect.Parameter.VAR_POSITIONAL and not ours:
        return
    assert ours == theirs


def test_factory_arguments():
    def program(torch):
        nn = torch.nn
        kinds = {"dtype": torch.float64, "device": "cpu"}
        made = [
            nn.Linear(2, 3, **kinds),
            nn.Bilinear(2, 3, 4, **kinds),
            nn.Conv2d(2, 3, 1, **kinds),
            nn.ConvTranspose1d(2, 3, 1, **kinds),
            nn.BatchNorm1d(2, **kinds),
            nn.InstanceNorm1d(2, affine=True, **kinds),
            nn.GroupNorm(1, 2, **kinds),
            nn.LayerNorm(2, **kinds),
            nn.RMSNorm(2, **kinds),
            nn.Embedding(2, 3, **kinds),
            nn.EmbeddingBag(2, 3, **kinds),
            nn.LSTM(2, 3, **kinds),
            nn.GRUCell(2, 3, **kinds),
            nn.PReLU(**kinds),
        ]
        return [[str(t.dtype) for t in (*m.parameters(), *m.buffers())] for m in made]

    same(program)


def test_meta_device():
    m = nn.Linear(3, 4, device="meta")
    assert m.weight.is_meta
    m.to_empty(device="cpu").reset_parameters()
    assert m(flambeau.ones(1, 3)).shape == (1, 4)


# Each entry: how to draw a parameter often, and how it is distributed: uniform in ±bound,
# normal with a deviation, or constant.
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("nn.Linear(25, 400).weight", ("uniform", 0.2)),
        ("nn.Linear(25, 4000).bias", ("uniform", 0.2)),
        ("nn.Bilinear(25, 20, 20).weight", ("uniform", 0.2)),
        ("nn.Conv2d(5, 400, 5, groups=5).weight", ("uniform", 0.2)),
        ("nn.Conv2d(5, 4000, 5, groups=5).bias", ("uniform", 0.2)),
        ("nn.ConvTranspose1d(400, 5, 5).weight", ("uniform", 0.2)),
        ("nn.Embedding(100, 100).weight", ("normal", 1.0)),
        ("nn.LSTM(100, 25).weight_ih_l0", ("uniform", 0.2)),
        ("nn.GRUCell(100, 25).weight_hh", ("uniform", 0.2)),
        ("nn.BatchNorm1d(5).weight", ("constant", 1.0)),
        ("nn.LayerNorm(5).bias", ("constant", 0.0)),
        ("nn.PReLU(3).weight", ("constant", 0.25)),
    ],
)
def test_initialisation(text, expected):
    scipy = pytest.importorskip("scipy.stats")
    flambeau.manual_seed(0)
    values = eval(text, {"nn": nn}).detach().numpy().ravel()
    kind, size = expected
    if kind == "constant":
        assert (values == size).all()
    elif kind == "uniform":
        assert abs(values).max() <= size
        assert scipy.kstest(values, "uniform", args=(-size, 2 * size)).pvalue > 1e-3
    else:
        assert scipy.kstest(values, "norm", args=(0, size)).pvalue > 1e-3


def test_padding_row_is_zero_and_stays():
    m = nn.Embedding(4, 2, padding_idx=1)
    assert m.weight[1].tolist() == [0, 0]
    m(flambeau.tensor([0, 1, 1])).sum().backward()
    assert m.weight.grad.tolist() == [[1, 1], [0, 0], [0, 0], [0, 0]]


def test_from_pretrained():
    def program(torch):
        table = torch.arange(6.0).reshape(3, 2)
        frozen = torch.nn.Embedding.from_pretrained(table)
        free = torch.nn.Embedding.from_pretrained(table, freeze=False, padding_idx=0)
        bag = torch.nn.EmbeddingBag.from_pretrained(table, mode="sum")
        return [
            frozen.weight,
            frozen(torch.tensor([2])),
            free.weight.requires_grad,
            repr(free),
            bag.weight.requires_grad,
            bag(torch.tensor([[0, 2]])),
            caught(lambda: torch.nn.Embedding.from_pretrained(torch.ones(3))),
        ]

    same(program)


def test_constructor_errors():
    def program(torch):
        nn = torch.nn
        calls = [
            lambda: nn.Bilinear(0, 1, 2),
            lambda: nn.Dropout(1.5),
            lambda: nn.Conv2d(3, 4, 3, groups=2),
            lambda: nn.Conv2d(4, 3, 3, groups=2),
            lambda: nn.Conv2d(4, 4, 3, groups=0),
            lambda: nn.Conv2d(4, 4, 3, padding="same", stride=2),
            lambda: nn.ConvTranspose2d(4, 4, 3, padding_mode="reflect"),
            lambda: nn.GroupNorm(3, 4),
            lambda: nn.Embedding(3, 2, padding_idx=3),
            lambda: nn.LSTM(2, 0),
            lambda: nn.LSTM(2, 3, 0),
            lambda: nn.LSTM(2, "a"),
            lambda: nn.LSTM(2, 3, dropout=2),
            lambda: nn.LSTM(2, 3, proj_size=3),
            lambda: nn.LSTM(2, 3, proj_size=-1),
            lambda: nn.GRU(2, 3, proj_size=1),
            lambda: nn.RNN(2, 3, nonlinearity="x"),
            lambda: nn.TripletMarginLoss(margin=0),
            lambda: nn.MultiMarginLoss(p=3),
            lambda: nn.FractionalMaxPool2d(2),
            lambda: nn.Unflatten(1, (2, "a")),
            lambda: nn.Linear(2, 3, spam=1),
            lambda: nn.Sigmoid(3),
        ]
        return [caught(call) for call in calls]

    same(program)


@pytest.mark.parametrize("name", ["padding", "padding_mode"])
def test_unknown_modes_of_convolutions(name):
    for library in (flambeau, torch):
        with pytest.raises(ValueError, match="some"):
            library.nn.Conv2d(4, 4, 3, **{name: "some"})


def test_call_errors():
    def program(torch):
        nn = torch.nn
        x = torch.zeros
        calls = [
            lambda: nn.BatchNorm1d(3)(x(2)),
            lambda: nn.BatchNorm2d(3)(x(2, 3)),
            lambda: nn.BatchNorm3d(3)(x(2, 3)),
            lambda: nn.InstanceNorm2d(3)(x(2, 3)),
            lambda: nn.InstanceNorm2d(3, affine=True)(x(2, 4, 3, 3)),
            lambda: nn.Softmax2d()(x(2, 3)),
            lambda: nn.LSTM(2, 3)(x(4, 5, 3)),
            lambda: nn.LSTM(2, 3)(x(4)),
            lambda: nn.LSTM(2, 3)(x(4, 5, 2), (x(1, 5, 3), x(1, 4, 3))),
            lambda: nn.LSTM(2, 3)(x(4, 5, 2), (x(5, 3), x(5, 3))),
            lambda: nn.GRU(2, 3)(x(4, 5, 2), x(2, 5, 3)),
            lambda: nn.GRU(2, 3)(x(4, 5, 2), x(5, 3)),
            lambda: nn.GRU(2, 3)(x(4, 2), x(1, 1, 3)),
            lambda: nn.GRU(2, 3)(x(4, 5, 2).double()),
            lambda: nn.LSTMCell(2, 3)(x(4, 3)),
            lambda: nn.LSTMCell(2, 3)(x(1, 4, 2)),
            lambda: nn.LSTMCell(2, 3)(x(4, 2), (x(3, 3), x(4, 3))),
            lambda: nn.LSTMCell(2, 3)(x(4, 2), (x(4, 2), x(4, 3))),
            lambda: nn.GRUCell(2, 3)(x(4, 2), x(2, 4, 3)),
            lambda: nn.RNNCell(2, 3, nonlinearity="x")(x(4, 2)),
        ]
        return [caught(call).removesuffix("") for call in calls]

    expected, actual = seen(program(torch)), seen(program(flambeau))
    # flambeau's own errors say the layer's name in front.
    for ours, theirs in zip(actual, expected, strict=True):
        kind, text = theirs.split(": ", 1)
        assert ours.startswith(kind)
        assert ours.endswith(text)


def test_transposed_weight_is_called_so():
    net = nn.Sequential(nn.Linear(2, 5), nn.Linear(5, 3))
    net[0].weight = nn.Parameter(flambeau.ones(2, 5))
    with pytest.raises(RuntimeError, match=r"Linear '0'.*transposed"):
        net(flambeau.ones(1, 2))


def test_output_size_of_transposed_convolutions():
    def program(torch):
        m = torch.nn.ConvTranspose2d(1, 1, 3, stride=2, padding=1, bias=False)
        with torch.no_grad():
            m.weight.fill_(1)
        x = torch.ones(1, 1, 3, 3)
        return [
            m(x).shape,
            m(x, output_size=(6, 6)).shape,
            m(x, output_size=(1, 1, 5, 6)),
            caught(lambda: m(x, output_size=(9, 9))),
            caught(lambda: m(x, output_size=(9,))),
        ]

    same(program)


def test_max_unpooling():
    def program(torch):
        pool = torch.nn.MaxPool2d(2, return_indices=True)
        x = torch.arange(16.0).reshape(1, 1, 4, 4)
        values, places = pool(x)
        return [
            torch.nn.MaxUnpool2d(2)(values, places),
            torch.nn.MaxUnpool2d(2)(values, places, output_size=(1, 1, 5, 5)),
            repr(torch.nn.MaxUnpool2d(2, padding=1)),
        ]

    same(program)


def test_old_spelling_of_reduction_warns():
    def program(torch):
        with pytest.warns(UserWarning, match="reduction='sum'"):
            m = torch.nn.MSELoss(size_average=False)
        with pytest.warns(UserWarning, match="reduction='none'"):
            n = torch.nn.L1Loss(reduce=False)
        return [m.reduction, n.reduction]

    same(program)


def test_batch_norm_statistics():
    def program(torch):
        m = torch.nn.BatchNorm1d(2)
        x = torch.tensor([[1.0, 2.0], [3.0, 6.0], [5.0, 4.0]])
        m(x)
        m(x * 2)
        saw = [m.running_mean, m.running_var, m.num_batches_tracked]
        m.eval()
        saw += [m(x), m.num_batches_tracked]
        m.reset_running_stats()
        saw += [m.running_mean, m.num_batches_tracked]
        average = torch.nn.BatchNorm1d(2, momentum=None)
        average(x)
        average(x * 3)
        saw += [average.running_mean, average.running_var]
        state = m.state_dict()
        del state["num_batches_tracked"]
        saw.append(caught(lambda: m.load_state_dict(state)))
        state._metadata[""]["version"] = 1
        saw.append(str(m.load_state_dict(state)))
        return saw

    same(program)


def test_dropout():
    flambeau.manual_seed(0)
    m = nn.Dropout(0.25)
    x = flambeau.ones(4000)
    y = m(x)
    kept = (y != 0).float().mean().item()
    assert abs(kept - 0.75) < 0.03
    assert sorted(set(y.tolist())) == pytest.approx([0.0, 4 / 3])
    assert m(x).tolist() != y.tolist()
    assert m.eval()(x) is x or m(x).tolist() == x.tolist()


def test_convert_sync_batchnorm():
    def program(torch):
        net = torch.nn.Sequential(torch.nn.BatchNorm2d(2), torch.nn.ReLU())
        out = torch.nn.SyncBatchNorm.convert_sync_batchnorm(net)
        return [repr(out), list(out.state_dict())]

    same(program)
