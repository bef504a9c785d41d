"""Tracebacks end in the user's line; FLAMBEAU_TRACEBACK=full keeps every frame."""

from __future__ import annotations

import pickle
import subprocess
import sys
import traceback

import jax
import pytest

import flambeau
import flambeau.nn.functional as F
from flambeau import nn
from flambeau._config import config
from flambeau._traceback import sealed
from flambeau.errors import DeviceMismatchError


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(5, 2))

    def forward(self, x):
        return self.encoder(x)


ones = flambeau.ones

MISTAKES = {
    "operator": lambda: ones(2, 3) + ones(2, 4),
    "in-place operator": lambda: ones(2).add_(ones(3)),
    "matmul": lambda: ones(2, 3) @ ones(2, 4),
    "function of a row": lambda: flambeau.tril(ones(2)),
    "handwritten function": lambda: flambeau.sum(ones(2, 3), dim=7),
    "method": lambda: ones(2, 3).sum(dim=7),
    "view": lambda: ones(2, 3).view(5),
    "index": lambda: ones(2, 3)[5],
    "sequence": lambda: flambeau.cat([ones(2, 3), ones(3, 2)]),
    "namespace": lambda: flambeau.linalg.inv(ones(2, 3)),
    "functional": lambda: F.cross_entropy(ones(2, 3), ones(3).long()),
    "class of a namespace imported when asked for": lambda: flambeau.distributions.Normal(
        0.0, -1.0
    ),
    "function of such a namespace": lambda: flambeau.testing.assert_close(ones(2), ones(3)),
    "the same function under another name": lambda: flambeau.functional.einsum("ij", ones(2)),
    "backward": lambda: ones(2).backward(),
    "reading": lambda: ones(2).item(),
    "bool": lambda: bool(ones(2)),
    "module": lambda: Net()(ones(2, 3)),
    "too many arguments": lambda: Net()(ones(2, 3), 5),
    "attribute of a module": lambda: Net().decoder,
    "layer": lambda: nn.Conv2d(3, 4, 1, groups=2),
    "state dict": lambda: Net().load_state_dict({}),
    "parameter": lambda: nn.Parameter(3),
    "optimizer": lambda: flambeau.optim.SGD([], lr=0.1),
    "file": lambda: flambeau.load("/no/such/file"),
    "data": lambda: flambeau.tensor([1, [2]]),
    "device": lambda: ones(2).to("nowhere"),
}


def raised(make):
    with pytest.raises(Exception) as caught:
        make()
    return caught.value


@pytest.mark.parametrize("what", MISTAKES)
def test_it_ends_in_the_users_line(what):
    error = raised(MISTAKES[what])
    last = traceback.extract_tb(error.__traceback__)[-1]
    assert last.filename == __file__
    assert last.name in ("<lambda>", "forward")
    assert not any("JAX" in note for note in getattr(error, "__notes__", ()))
    # nothing that was caught inside is shown either
    shown = "".join(traceback.format_exception(error))
    assert "During handling" not in shown
    assert "/flambeau/" not in shown


def test_frames_of_the_user_within_flambeau_stay():
    class Broken(nn.Module):
        def forward(self, x):
            return x / len([]) if x is None else 1 / 0

    error = raised(lambda: nn.Sequential(nn.Identity(), Broken())(ones(1)))
    names = [f.name for f in traceback.extract_tb(error.__traceback__)]
    assert names[-2:] == ["<lambda>", "forward"]
    assert error.__notes__ == ["This happened in Broken '1' of Sequential."]


def test_full_keeps_all(monkeypatch):
    monkeypatch.setattr(config, "traceback", "full")
    error = raised(MISTAKES["view"])
    assert "flambeau" in traceback.extract_tb(error.__traceback__)[-1].filename


def test_the_variable():
    program = "import flambeau as torch\ntorch.ones(2).view(5)\n"
    for value, ours in (("short", False), ("full", True)):
        done = subprocess.run(
            [sys.executable, "-c", program],
            env={"FLAMBEAU_TRACEBACK": value, "PYTHONPATH": ":".join(sys.path), "HOME": "/tmp"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert "shape '[5]' is invalid for input of size 2" in done.stderr
        assert ("dispatch.py" in done.stderr) is ours
    with pytest.raises(ValueError, match="short or full"):
        type(config)({"FLAMBEAU_TRACEBACK": "long"})


def test_a_bug_of_flambeaus_own_keeps_its_frames():
    scope = {"__name__": "flambeau.somewhere"}
    exec("def slip(): return missing\ndef refuse(): raise KeyError('key')", scope)
    for name, kept in (("slip", True), ("refuse", False)):
        error = raised(lambda name=name: sealed(scope[name])())
        assert (traceback.extract_tb(error.__traceback__)[-1].name == name) is kept


def test_public_functions_stay_what_they_are():
    import inspect

    assert pickle.loads(pickle.dumps(F.gelu)) is F.gelu
    assert pickle.loads(pickle.dumps(flambeau.sum)) is flambeau.sum
    assert next(iter(inspect.signature(flambeau.sum).parameters)) == "input"
    assert list(inspect.signature(nn.Linear).parameters)[:2] == ["in_features", "out_features"]
    assert flambeau.sum.__doc__


# -- what the text says ------------------------------------------------------------------------


def test_a_function_is_one_wherever_it_is_found():
    assert flambeau.functional.einsum is flambeau.einsum
    assert pickle.loads(pickle.dumps(flambeau.functional.einsum)) is flambeau.einsum
    kl_divergence = flambeau.distributions.kl_divergence
    assert flambeau.distributions.kl.kl_divergence is kl_divergence
    assert pickle.loads(pickle.dumps(kl_divergence)) is kl_divergence


def test_the_operation_is_named():
    assert str(raised(MISTAKES["operator"])).startswith("add: The size of tensor a (3)")
    assert raised(MISTAKES["matmul"]).__notes__ == [
        "The operation was matmul of float32[2,3], float32[2,4]."
    ]


def test_devices():
    layer = nn.Linear(3, 2).to("meta")
    net = nn.Sequential(nn.Identity(), layer)
    error = raised(lambda: net(ones(4, 3)))
    assert isinstance(error, DeviceMismatchError)
    assert str(error) == (
        "Linear '1': Expected all tensors to be on the same device, but found at least two "
        "devices, cpu:0 and meta:0! argument 1 [4, 3] is on cpu:0, argument 2 [2, 3] is on "
        "meta:0, argument 3 [2] is on meta:0; move the input with x.to('meta:0'), or the module "
        "with module.to(device)"
    )


def test_dtypes():
    error = raised(lambda: nn.Sequential(nn.Linear(3, 2))(ones(4, 3).double()))
    assert str(error).startswith("Linear '0': ")
    assert "float64" in str(error).lower() or "double" in str(error).lower()


# -- errors that come late -----------------------------------------------------------------------


def test_a_late_error_names_the_line_that_recorded_it():
    from flambeau._engine.recorder import flush

    flush()  # what is pending from before would be lost with the program that fails

    def fail(x):
        raise ArithmeticError("not today")

    user = flambeau.wrap_jax(
        lambda x: jax.pure_callback(fail, jax.ShapeDtypeStruct(x.shape, x.dtype), x)
    )
    y = ones(3) + 1
    line = sys._getframe().f_lineno + 1
    z = user(y) * 2
    error = raised(z.tolist)
    # Alone or as part of a program, as the engine chose.
    assert f"{__file__}:{line}" in error.__notes__[-1]
    assert "<lambda>" in error.__notes__[-1]
    assert "/flambeau/" not in "".join(
        f.filename for f in traceback.extract_tb(error.__traceback__)
    )
