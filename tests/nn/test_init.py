"""nn.init against PyTorch: distributions by Kolmogorov-Smirnov, constants exactly, errors."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from scipy import stats

import flambeau
from flambeau import nn
from tests.oracle import assert_close, torch

N = 20_000
CASES = ["linear", "conv2d", "conv_transpose3d", "sigmoid", "tanh", "relu", "leaky_relu", "selu"]


@pytest.fixture(autouse=True)
def _seed():
    flambeau.manual_seed(11)


def filled(init, shape, *args, **kwargs):
    tensor = flambeau.nn.Parameter(flambeau.empty(shape))
    assert init(tensor, *args, **kwargs) is tensor
    assert tensor.requires_grad
    assert tensor.is_leaf
    return tensor.detach().numpy()


def follows(sample, law) -> bool:
    return stats.kstest(sample.ravel().astype(np.float64), law.cdf).pvalue > 1e-3


def test_plain_distributions():
    assert follows(filled(nn.init.uniform_, (N,), -2, 3), stats.uniform(-2, 5))
    assert follows(filled(nn.init.normal_, (N,), 1, 0.5), stats.norm(1, 0.5))
    cut = filled(nn.init.trunc_normal_, (N,), 0.5, 2, -1, 4)
    assert follows(cut, stats.truncnorm(-0.75, 1.75, 0.5, 2))
    assert cut.min() >= -1
    assert cut.max() <= 4


@pytest.mark.parametrize("shape", [(200, 100), (40, 20, 5, 5)])
def test_xavier_and_kaiming(shape):
    fan_in, fan_out = torch.nn.init._calculate_fan_in_and_fan_out(torch.empty(shape))
    assert nn.init._calculate_fan_in_and_fan_out(flambeau.empty(shape)) == (fan_in, fan_out)
    bound = 1.5 * math.sqrt(6 / (fan_in + fan_out))
    sample = filled(nn.init.xavier_uniform_, shape, gain=1.5)
    assert follows(sample, stats.uniform(-bound, 2 * bound))
    std = math.sqrt(2 / (fan_in + fan_out))
    assert follows(filled(nn.init.xavier_normal_, shape), stats.norm(0, std))
    bound = math.sqrt(6 / fan_in)
    sample = filled(nn.init.kaiming_uniform_, shape, nonlinearity="relu")
    assert follows(sample, stats.uniform(-bound, 2 * bound))
    std = math.sqrt(2 / (1 + 0.3**2) / fan_out)
    sample = filled(nn.init.kaiming_normal_, shape, a=0.3, mode="fan_out")
    assert follows(sample, stats.norm(0, std))


def test_constants():
    for name, args in (("constant_", (2.5,)), ("ones_", ()), ("zeros_", ())):
        ours, theirs = flambeau.empty(3, 4), torch.empty(3, 4)
        getattr(nn.init, name)(ours, *args)
        getattr(torch.nn.init, name)(theirs, *args)
        assert_close(ours, theirs)
    for shape in ((3, 5), (5, 3)):
        assert_close(nn.init.eye_(flambeau.ones(shape)), torch.nn.init.eye_(torch.ones(shape)))


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("shape", [(4, 3, 3), (4, 6, 4, 3), (2, 2, 3, 3, 5)])
def test_dirac(shape, groups):
    ours = nn.init.dirac_(flambeau.ones(shape), groups)
    assert_close(ours, torch.nn.init.dirac_(torch.ones(shape), groups))


@pytest.mark.parametrize("shape", [(6, 4), (4, 6), (5, 5), (4, 3, 2, 2), (0, 3)])
def test_orthogonal(shape):
    q = filled(nn.init.orthogonal_, shape, gain=2)
    assert q.shape == shape
    if q.size:
        q = q.reshape(shape[0], -1).astype(np.float64) / 2
        small = q @ q.T if q.shape[0] < q.shape[1] else q.T @ q
        np.testing.assert_allclose(small, np.eye(len(small)), atol=1e-5)


def test_orthogonal_is_even():
    """The sign of an entry is a fair coin."""
    signs = [filled(nn.init.orthogonal_, (3, 3))[0, 0] > 0 for _ in range(60)]
    assert 15 < sum(signs) < 45


def test_sparse():
    sample = filled(nn.init.sparse_, (50, 80), 0.33, std=0.5)
    assert ((sample == 0).sum(0) == math.ceil(0.33 * 50)).all()
    assert follows(sample[sample != 0], stats.norm(0, 0.5))
    # Which ones are zero differs between columns.
    assert len(np.unique(sample == 0, axis=1).T) > 70


@pytest.mark.parametrize("name", CASES)
def test_gain(name):
    assert nn.init.calculate_gain(name) == torch.nn.init.calculate_gain(name)
    ours = nn.init.calculate_gain("leaky_relu", 0.3)
    assert ours == torch.nn.init.calculate_gain("leaky_relu", 0.3)


def test_generator():
    def sample(seed):
        generator = flambeau.Generator().manual_seed(seed)
        return filled(nn.init.orthogonal_, (3, 3), generator=generator)

    assert (sample(1) == sample(1)).all()
    assert (sample(1) != sample(2)).any()


@pytest.mark.parametrize(
    ("name", "shape", "args"),
    [
        ("kaiming_uniform_", (3,), ()),
        ("xavier_normal_", (3,), ()),
        ("kaiming_normal_", (3, 3), (0, "fan_up")),
        ("eye_", (3,), ()),
        ("dirac_", (3, 3), ()),
        ("dirac_", (3, 3, 3), (2,)),
        ("orthogonal_", (3,), ()),
        ("sparse_", (3,), (0.1,)),
        ("uniform_", (3,), (2, 1)),
        ("normal_", (3,), (0, -1)),
    ],
)
def test_errors(name, shape, args):
    with pytest.raises((ValueError, RuntimeError)) as theirs:
        getattr(torch.nn.init, name)(torch.empty(shape), *args)
    with pytest.raises(theirs.type) as ours:
        getattr(nn.init, name)(flambeau.empty(shape), *args)
    assert str(theirs.value).split(" but ")[0].split(":")[0] in str(ours.value)


@pytest.mark.parametrize("args", [("softplus",), ("leaky_relu", "a"), ("leaky_relu", True)])
def test_gain_errors(args):
    with pytest.raises(ValueError, match=r"Unsupported|not a valid"):
        torch.nn.init.calculate_gain(*args)
    with pytest.raises(ValueError, match=r"Unsupported|not a valid"):
        nn.init.calculate_gain(*args)


def test_integers_are_refused():
    with pytest.raises(NotImplementedError, match="Long"):
        nn.init.uniform_(flambeau.zeros(3, dtype=flambeau.int64))


def test_warnings():
    with pytest.warns(UserWarning, match="no-op"):
        nn.init.kaiming_uniform_(flambeau.empty(3, 0))
    with pytest.warns(UserWarning, match="more than 2 std"):
        nn.init.trunc_normal_(flambeau.empty(3), 10)


def test_old_names():
    old = [
        n for n in dir(torch.nn.init) if not n.startswith("_") and hasattr(torch.nn.init, n + "_")
    ]
    assert len(old) == 11
    for name in old:
        call = getattr(nn.init, name)
        shape = (4, 4, 3) if name == "dirac" else (4, 4)
        args = {"constant": (1.0,), "sparse": (0.5,)}.get(name, ())
        with pytest.warns(FutureWarning, match=f"nn.init.{name}_"):
            call(flambeau.empty(shape), *args)


def test_nothing_is_recorded_in_the_history():
    w = nn.Parameter(flambeau.ones(4, 4))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        nn.init.xavier_uniform_(w)
    assert w.grad_fn is None
