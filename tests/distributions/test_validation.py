"""When a parameter is looked at: on the spot, or with the step that computes it."""

from __future__ import annotations

import pytest

import flambeau
import flambeau.distributions as d
from flambeau._engine.program import stats
from flambeau._engine.recorder import flush
from flambeau._tensor.core import value_of
from tests.programs import flambeau as command


def raw() -> flambeau.Tensor:
    return flambeau.tensor([1.0, -2.0, 3.0], requires_grad=True)


def test_what_is_computed_outside_a_step_is_looked_at_on_the_spot() -> None:
    with pytest.raises(ValueError, match="found invalid values:\ntensor"):
        d.Normal(0.0, raw().detach() * 2)
    with flambeau.no_grad(), pytest.raises(ValueError, match="parameter scale"):
        d.Normal(0.0, raw() * 2)


def test_within_a_step_the_next_read_raises_and_names_the_line() -> None:
    launches = stats.launches
    normal = d.Normal(0.0, raw() * 2)
    loss = normal.rsample().sum()
    assert stats.launches == launches
    with pytest.raises(ValueError, match="parameter scale") as caught:
        loss.item()
    text = str(caught.value)
    assert "distribution Normal(loc: torch.Size([3]), scale: torch.Size([3]))" in text
    assert "tensor([ 2., -4.,  6.]" in text
    assert "test_validation.py:" in text
    loss.item()  # said once


def test_a_check_keeps_no_values_alive() -> None:
    loss = d.Normal(0.0, raw() * 2).rsample().sum()
    with pytest.raises(ValueError, match=r"Normal to satisfy.*\n.*not kept"):
        loss.item()


def test_samples_are_looked_at_likewise() -> None:
    p = flambeau.tensor([0.5], requires_grad=True)
    loss = -d.Bernoulli(p * 1.0).log_prob(flambeau.tensor([3.0])).sum()
    with pytest.raises(ValueError, match="within the support"):
        loss.item()


def test_in_a_loop_that_never_reads_the_next_step_raises() -> None:
    scale = raw()
    loss = d.Normal(0.0, scale * 2).rsample().sum()
    flush()
    value_of(loss).array.block_until_ready()
    with pytest.raises(ValueError, match="parameter scale"):
        d.Normal(0.0, scale.abs() * 2)


def test_in_eager_mode_at_once(eager: None) -> None:
    with pytest.raises(ValueError, match="parameter scale"):
        d.Normal(0.0, raw() * 2)


def test_on_meta_never() -> None:
    scale = flambeau.empty(3, device="meta")
    assert d.Normal(scale, scale).rsample((2,)).shape == (2, 3)


def test_within_compile_not_at_all() -> None:
    @flambeau.compile
    def score(scale: flambeau.Tensor) -> flambeau.Tensor:
        normal = d.Normal(flambeau.zeros(3), scale * 2)
        return normal.log_prob(flambeau.ones(3))

    good = flambeau.tensor([1.0, 2.0, 3.0])
    first = score(good).tolist()
    for _ in range(3):
        assert score(good).tolist() == pytest.approx(first)


def test_every_deep_import_of_a_program_resolves(tmp_path) -> None:
    script = tmp_path / "program.py"
    script.write_text(
        "import torch\n"
        "import torch.distributions as dist\n"
        "from torch.distributions import constraints, transforms, kl_divergence, Normal\n"
        "from torch.distributions.kl import register_kl\n"
        "from torch.distributions.normal import Normal as Same\n"
        "from torch.distributions.studentT import StudentT\n"
        "from torch.distributions.utils import broadcast_all, probs_to_logits\n"
        "from torch.distributions.constraint_registry import biject_to\n"
        "from torch.distributions.relaxed_bernoulli import LogitRelaxedBernoulli\n"
        "assert Same is Normal is torch.distributions.Normal is dist.Normal\n"
        "assert isinstance(Normal.support, constraints.Constraint)\n"
        "print(Normal(torch.zeros(2), 1.0), kl_divergence(Normal(0., 1.), Same(1., 1.)))\n",
        encoding="utf-8",
    )
    done = command("run", script)
    assert done.stderr == ""
    assert done.stdout == ("Normal(loc: torch.Size([2]), scale: torch.Size([2])) tensor(0.5000)\n")
