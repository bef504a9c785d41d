"""What a state dict and a model have to say about each other."""

from __future__ import annotations

import pytest

import flambeau
from flambeau.errors import StateDictError
from flambeau.serialization import check_state_dict

nn = flambeau.nn


def model():
    return nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))


def test_a_fitting_state_dict():
    report = check_state_dict(model(), model().state_dict())
    assert report
    assert len(report.matched) == 7
    assert report.rows() == []
    assert report.check() is report


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "module._orig_mod.", "net.", "other."])
def test_a_prefix(prefix):
    state = {prefix + name: t for name, t in model().state_dict().items()}
    report = check_state_dict(model(), state)
    if prefix == "module._orig_mod.":  # two wrappers: one is seen at a time
        assert report.missing
        return
    assert report.prefix == prefix
    assert not report
    assert f"all 7 keys match after removing {prefix!r}" in str(report)
    with pytest.raises(StateDictError, match="all 7 keys match after removing"):
        report.check()


def test_a_prefix_that_the_model_has():
    wrapped = nn.ModuleDict({"module": model()})
    report = check_state_dict(wrapped, model().state_dict())
    assert report.prefix == "+module."
    assert "all 7 keys match after adding 'module.'" in str(report)


def test_shapes_and_transposed_weights():
    state = model().state_dict()
    state["0.weight"] = flambeau.zeros(3, 2)
    state["0.bias"] = flambeau.zeros(5)
    report = check_state_dict(model(), state)
    assert report.mismatched == {"0.weight": ((2, 3), (3, 2)), "0.bias": ((2,), (5,))}
    assert report.transposed == ["0.weight"]
    assert "transposed  0.weight  model (2, 3), file (3, 2): it looks transposed" in str(report)
    with pytest.raises(StateDictError, match="it looks transposed"):
        report.check()


def test_missing_unexpected_and_refused():
    state = model().state_dict()
    state["extra"] = state.pop("0.bias")
    state["1.bias"] = flambeau.serialization.Stub("x", "Y", args=())
    report = check_state_dict(model(), state)
    assert report.missing == ["0.bias"]
    assert report.unexpected == ["extra"]
    assert report.refused == ["1.bias"]


def test_dtypes_do_not_matter_and_are_told():
    state = {
        name: t.half() if t.is_floating_point() else t for name, t in model().state_dict().items()
    }
    report = check_state_dict(model(), state)
    assert report
    assert report.dtypes["0.weight"] == ("float32", "float16")
    assert len(report.dtypes) == 6


def test_ties_are_counted_before_and_after():
    tied = nn.ModuleDict({"a": nn.Linear(2, 2), "b": nn.Linear(2, 2)})
    tied["b"].weight = tied["a"].weight
    loose = nn.ModuleDict({"a": nn.Linear(2, 2), "b": nn.Linear(2, 2)})
    report = check_state_dict(tied, tied.state_dict())
    assert report.model_ties == report.file_ties == [("a.weight", "b.weight")]
    assert report.lost_ties == []
    report = check_state_dict(loose, tied.state_dict())
    assert report.lost_ties == [("a.weight", "b.weight")]
    assert "one tensor with b.weight in the file only" in str(report)


def test_ties_survive_a_file(tmp_path):
    tied = nn.ModuleDict({"a": nn.Linear(2, 2), "b": nn.Linear(2, 2)})
    tied["b"].weight = tied["a"].weight
    flambeau.save(tied.state_dict(), tmp_path / "x.pt")
    held = flambeau.load(tmp_path / "x.pt")
    report = check_state_dict(tied, held)
    assert report.file_ties == [("a.weight", "b.weight")]
    tied.load_state_dict(held)
    assert tied["b"].weight is tied["a"].weight


def test_two_state_dicts():
    assert check_state_dict(model().state_dict(), model().state_dict())
