"""Functions and methods that draw: dtypes, shapes, errors as PyTorch's; streams and generators."""

from __future__ import annotations

import copy
import pickle
import threading

import numpy as np
import pytest
from scipy import stats

import flambeau
from tests.oracle import dtype_name, torch

N = 20_000

SHAPES = """
torch.rand(2, 3)
torch.rand((2, 3), dtype=torch.float64)
torch.rand([2], dtype=torch.bfloat16)
torch.rand(size=(3,), dtype=torch.complex64)
torch.rand(())
torch.rand(0, 2)
torch.rand(2, requires_grad=True)
torch.randn(2, 3, dtype=torch.float16)
torch.randn((2,), dtype=torch.complex128)
torch.rand_like(torch.ones(2, 3, dtype=torch.float64))
torch.rand_like(torch.ones(2, dtype=torch.int64), dtype=torch.float32)
torch.randn_like(torch.ones(2), requires_grad=True)
torch.randint(10, (2, 3))
torch.randint(3, 10, (2,))
torch.randint(0, 2, (3,), dtype=torch.float32)
torch.randint(0, 2, (3,), dtype=torch.bool)
torch.randint(0, 256, (3,), dtype=torch.uint8)
torch.randint(low=0, high=5, size=(2,))
torch.randint(high=5, size=(2,))
torch.randint_like(torch.ones(2), 3)
torch.randint_like(torch.ones(2, dtype=torch.int32), 1, 3)
torch.randperm(5)
torch.randperm(5, dtype=torch.float32)
torch.randperm(0)
torch.normal(0.0, 1.0, (2, 3))
torch.normal(0, 1, size=(2,), dtype=torch.float64)
torch.normal(torch.zeros(3), 2.0)
torch.normal(1.0, torch.ones(3, 2))
torch.normal(torch.zeros(3, 1), torch.ones(2))
torch.normal(torch.zeros(3), torch.ones(3).double())
torch.normal(torch.zeros(3).half())
torch.bernoulli(torch.full((2, 3), 0.5))
torch.bernoulli(torch.full((2, 3), 0.5, dtype=torch.float64), 0.3)
torch.full((2,), 0.5).bernoulli()
torch.ones(2, dtype=torch.int64).bernoulli(0.5)
torch.multinomial(torch.ones(4), 2)
torch.multinomial(torch.ones(3, 4), 5, replacement=True)
torch.ones(4).multinomial(1)
torch.poisson(torch.ones(2, 3).half())
torch.binomial(torch.full((3,), 4.0), torch.full((3,), 0.5))
torch.empty(3).uniform_()
torch.empty(3, dtype=torch.bfloat16).uniform_(-1, to=2)
torch.empty(3, dtype=torch.complex64).normal_()
torch.empty(3, dtype=torch.int64).random_(5)
torch.empty(3, dtype=torch.uint8).random_(2, 9)
torch.empty(3).random_()
torch.empty(3, dtype=torch.bool).random_()
torch.empty(3, dtype=torch.int64).random_()
torch.empty(3, dtype=torch.int64).bernoulli_()
torch.empty(3, dtype=torch.bool).bernoulli_(0.3)
torch.empty(3, 2).bernoulli_(torch.tensor([0.0, 1.0]))
torch.empty(3).exponential_(2)
torch.empty(3, dtype=torch.int32).geometric_(0.5)
torch.empty(3).cauchy_()
torch.empty(3, dtype=torch.float64).log_normal_(0, 1)
torch.dropout(torch.ones(3), 0.5, True)
torch.dropout(torch.ones(3, requires_grad=True), 0.5, False)
torch.feature_dropout(torch.ones(3, 4, 5), 0.5, True)
torch.alpha_dropout(torch.ones(3), 0.5, True)
torch.feature_alpha_dropout(torch.ones(3, 4), 0.5, True)
torch.dropout_(torch.ones(3), 0.5, True)
""".strip().splitlines()

ERRORS = """
torch.rand(-1)
torch.rand()
torch.rand(2.5)
torch.rand((2,), size=(3,))
torch.rand(2, dtype=torch.int64)
torch.rand(2, generator=3)
torch.randn(2, -3)
torch.randn(2, dtype=torch.int64)
torch.rand_like([1])
torch.rand_like(torch.ones(2, dtype=torch.int64))
torch.randint(3, 1, (2,))
torch.randint(0, (2,))
torch.randint(0, 10, 3)
torch.randint(0, 2.5, (3,))
torch.randint(0, 300, (3,), dtype=torch.uint8)
torch.randint(-1, 3, (3,), dtype=torch.uint8)
torch.randint(10)
torch.randperm(-1)
torch.randperm(5.0)
torch.randperm(300, dtype=torch.uint8)
torch.randperm(5, dtype=torch.bool)
torch.normal(0.0, -1.0, (2,))
torch.normal(torch.zeros(2), -1.0)
torch.normal(torch.zeros(2, dtype=torch.int64), 1.0)
torch.normal(torch.zeros(2), torch.ones(3))
torch.bernoulli([0.5])
torch.bernoulli(torch.tensor([1, 0]))
torch.bernoulli(torch.ones(2), 1.5)
torch.ones(3).bernoulli_(1.5)
torch.ones(3).uniform_(2, 1)
torch.ones(3, dtype=torch.int64).uniform_()
torch.ones(3, requires_grad=True).uniform_()
torch.ones(3).normal_(0, -1)
torch.ones(3, dtype=torch.int64).normal_()
torch.ones(3).exponential_(-1)
torch.ones(3).exponential_(0)
torch.ones(3, dtype=torch.int64).exponential_()
torch.ones(3).geometric_(0)
torch.ones(3).geometric_(1.5)
torch.ones(3).cauchy_(0, -1)
torch.ones(3).log_normal_(0, -1)
torch.ones(3).random_(5, 2)
torch.ones(3).random_(0)
torch.ones(3, dtype=torch.uint8).random_(0, 500)
torch.poisson(torch.tensor([1]))
torch.multinomial(torch.ones(2), 3)
torch.multinomial(torch.ones(2), 0)
torch.multinomial(torch.ones(2, 2, 2), 1)
torch.multinomial(torch.ones(2, dtype=torch.int64), 1)
torch.dropout(torch.ones(3), 1.5, True)
torch.manual_seed(2**64)
torch.manual_seed(-2**63 - 1)
torch.manual_seed("a")
torch.Generator("nowhere")
torch.set_rng_state(torch.zeros(5))
torch.set_rng_state(torch.zeros(5, dtype=torch.uint8))
torch.set_rng_state(3)
""".strip().splitlines()


def evaluate(expression: str, lib):
    return eval(expression, {"torch": lib})


@pytest.mark.parametrize("expression", SHAPES)
def test_shapes_and_dtypes(expression):
    ours, theirs = evaluate(expression, flambeau), evaluate(expression, torch)
    assert tuple(ours.shape) == tuple(theirs.shape)
    assert dtype_name(ours) == dtype_name(theirs)
    assert ours.requires_grad == theirs.requires_grad


@pytest.mark.parametrize("expression", ERRORS)
def test_errors(expression):
    with pytest.raises(Exception) as theirs:
        evaluate(expression, torch)
    with pytest.raises(theirs.type) as ours:
        evaluate(expression, flambeau)
    assert "jax" not in str(ours.value)


@pytest.fixture
def seeded():
    flambeau.manual_seed(1234)


def sample(t):
    return t.double().numpy().ravel()


def test_distributions_through_the_engine(seeded):
    """The keys that the engine hands out give the right laws, too."""
    laws = {
        "torch.rand(100, 200)": stats.uniform(),
        "torch.randn(100, 200)": stats.norm(),
        "torch.normal(torch.ones(20000), 3.0)": stats.norm(1, 3),
        "torch.empty(20000).uniform_(-1, 3)": stats.uniform(-1, 4),
        "torch.empty(20000).normal_(2, 0.5)": stats.norm(2, 0.5),
        "torch.empty(20000).exponential_(3)": stats.expon(scale=1 / 3),
        "torch.empty(20000).cauchy_(1, 2)": stats.cauchy(1, 2),
        "torch.empty(20000).log_normal_(0, 1)": stats.lognorm(1),
    }
    for expression, law in laws.items():
        drawn = sample(evaluate(expression, flambeau))
        assert stats.kstest(drawn, law.cdf).pvalue > 1e-3, expression
    drawn = sample(flambeau.randint(0, 6, (N,)))
    assert stats.chisquare(np.bincount(drawn.astype(int))).pvalue > 1e-3


def test_many_small_draws_are_one_distribution(seeded):
    drawn = flambeau.cat([flambeau.rand(5) for _ in range(800)])
    assert stats.kstest(sample(drawn), "uniform").pvalue > 1e-3


def test_full_range_of_random(seeded):
    top = flambeau.empty(N).random_()
    assert top.max().item() > 2**24 * 0.99
    assert flambeau.empty(N, dtype=flambeau.int8).random_().max().item() == 127
    assert flambeau.empty(N, dtype=flambeau.int8).random_().min().item() == 0
    half = flambeau.empty(N, dtype=flambeau.float16).random_()
    assert 0 <= half.min().item() <= half.max().item() <= 2048
    flags = flambeau.empty(N, dtype=flambeau.bool).random_()
    assert 0.48 < flags.float().mean().item() < 0.52
    assert flambeau.empty(3).random_(**{"from": 4, "to": 5}).tolist() == [4, 4, 4]
    with pytest.raises(TypeError, match="unexpected keyword argument 'start'"):
        flambeau.empty(3).random_(start=4)


def test_in_place_samples_write_through_views(seeded):
    x = flambeau.zeros(4, 4)
    x[1].uniform_(1, 2)
    x.t()[0].fill_(7)
    array = x.numpy()
    assert (array[1, 1:] >= 1).all()
    assert (array[0, 1:] == 0).all()
    assert (array[:, 0] == 7).all()


@pytest.mark.parametrize("name", ["normal_", "zero_", "bernoulli_"])
def test_overwriting_leaves_a_gradient_of_zero(name):
    for lib in (torch, flambeau):
        x = lib.ones(3, requires_grad=True)
        y = x * 2
        getattr(y, name)()
        assert y.requires_grad
        (y * y).sum().backward()
        assert x.grad.tolist() == [0, 0, 0]


def test_dropout_gradient(seeded):
    x = flambeau.ones(1000, requires_grad=True)
    y = flambeau.dropout(x, 0.25, True)
    y.sum().backward()
    assert flambeau.equal(x.grad, y.detach())
    assert sorted({round(v, 4) for v in y.tolist()}) == [0, 1.3333]


def test_dropout_without_training_is_the_input():
    x = flambeau.ones(3)
    assert flambeau.dropout(x, 0.5, False) is x
    assert flambeau.dropout_(x, 1.0, True) is x
    assert x.tolist() == [0, 0, 0]


def test_out():
    out = flambeau.empty(3)
    assert flambeau.rand(3, out=out) is out
    assert flambeau.randperm(3, out=flambeau.empty(3, dtype=flambeau.int64)).sum().item() == 3


# Streams and generators --------------------------------------------------------------


def test_seeds_repeat_and_differ():
    def draw():
        return flambeau.rand(4).tolist() + flambeau.randn(4).tolist()

    assert flambeau.manual_seed(7) is flambeau.default_generator
    first, second = draw(), draw()
    flambeau.manual_seed(7)
    assert draw() == first
    assert draw() == second
    flambeau.manual_seed(8)
    assert draw() != first
    assert first != second


@pytest.mark.parametrize("mode", ["eager", "debug"])
def test_modes_draw_the_same(mode):
    def program():
        flambeau.manual_seed(3)
        x = flambeau.rand(3)
        y = x + flambeau.randn(3)
        return y.dropout(0.5, True).tolist() if hasattr(y, "dropout") else y.tolist()

    lazy = program()
    flambeau.config.mode = mode
    try:
        assert program() == lazy
    finally:
        flambeau.config.mode = "lazy"


@pytest.mark.parametrize("seed", [3.7, True])
def test_seeds_that_are_no_integers(seed):
    for lib in (torch, flambeau):
        lib.manual_seed(seed)
        assert lib.initial_seed() == int(seed)
        with pytest.raises(RuntimeError, match="expected a long"):
            lib.Generator().manual_seed(seed)


@pytest.mark.parametrize("seed", [0, 1, -1, -3, 2**64 - 1, -(2**63)])
def test_initial_seed(seed):
    for lib in (torch, flambeau):
        lib.manual_seed(seed)
    assert flambeau.initial_seed() == torch.initial_seed()
    ours, theirs = flambeau.Generator(), torch.Generator()
    assert ours.initial_seed() == theirs.initial_seed()
    assert ours.manual_seed(seed) is ours
    assert ours.initial_seed() == theirs.manual_seed(seed).initial_seed()


def test_fresh_seeds():
    a, b = flambeau.seed(), flambeau.seed()
    assert a != b
    assert flambeau.initial_seed() == b
    generator = flambeau.Generator()
    assert generator.seed() == generator.initial_seed()


def test_generators_are_independent():
    a, b = flambeau.Generator(), flambeau.Generator().manual_seed(5)
    flambeau.manual_seed(0)
    expected = flambeau.rand(3).tolist()
    flambeau.manual_seed(0)
    x, y = flambeau.rand(3, generator=a), flambeau.rand(3, generator=b)
    assert flambeau.rand(3).tolist() == expected
    assert x.tolist() != y.tolist()
    again = flambeau.Generator().manual_seed(5)
    assert flambeau.empty(3).uniform_(generator=again).tolist() == y.tolist()
    assert str(a.device) == "cpu"


def test_every_function_takes_a_generator():
    calls = [
        lambda g: flambeau.rand(3, generator=g),
        lambda g: flambeau.randn(3, generator=g),
        lambda g: flambeau.rand_like(flambeau.ones(3), generator=g),
        lambda g: flambeau.randint(0, 1000, (3,), generator=g),
        lambda g: flambeau.randperm(50, generator=g),
        lambda g: flambeau.normal(0.0, 1.0, (3,), generator=g),
        lambda g: flambeau.normal(flambeau.zeros(3), 1.0, generator=g),
        lambda g: flambeau.bernoulli(flambeau.full((64,), 0.5), generator=g),
        lambda g: flambeau.multinomial(flambeau.ones(100), 20, generator=g),
        lambda g: flambeau.poisson(flambeau.full((20,), 50.0), generator=g),
        lambda g: flambeau.empty(3).exponential_(generator=g),
        lambda g: flambeau.empty(64).bernoulli_(flambeau.full((64,), 0.5), generator=g),
    ]
    for call in calls:
        one, same, other = (call(flambeau.Generator().manual_seed(s)).tolist() for s in (1, 1, 2))
        assert one == same
        assert one != other


def test_state_goes_back():
    flambeau.manual_seed(99)
    flambeau.rand(2)
    state = flambeau.get_rng_state()
    assert state.dtype is flambeau.uint8
    first = flambeau.rand(3).tolist()
    flambeau.manual_seed(5)
    flambeau.set_rng_state(state)
    assert flambeau.rand(3).tolist() == first
    assert flambeau.initial_seed() == 99
    # A state that was saved as numbers and read again.
    flambeau.random.set_rng_state(flambeau.tensor(state.tolist(), dtype=flambeau.uint8))
    assert flambeau.rand(3).tolist() == first
    assert flambeau.initial_seed() == 99
    # The state of a state.
    flambeau.set_rng_state(state)
    assert flambeau.get_rng_state().tolist() == state.tolist()


def test_saving_the_state_reads_nothing():
    """Activation checkpointing saves and restores it in every step."""
    stats_ = flambeau._engine.program.stats
    flambeau.rand(2).tolist()
    before = stats_.launches + stats_.single_calls
    state = flambeau.get_rng_state()
    a = flambeau.rand(2)
    flambeau.set_rng_state(state)
    b = flambeau.rand(2)
    assert stats_.launches + stats_.single_calls == before
    assert a.tolist() == b.tolist()


def test_generators_are_copied_and_pickled():
    generator = flambeau.Generator().manual_seed(17)
    flambeau.rand(2, generator=generator)
    twins = [
        generator.clone_state(),
        pickle.loads(pickle.dumps(generator)),
        copy.deepcopy(generator),
    ]
    expected = flambeau.rand(3, generator=generator).tolist()
    for twin in twins:
        assert twin.initial_seed() == 17
        assert flambeau.rand(3, generator=twin).tolist() == expected


def test_fork_rng():
    flambeau.manual_seed(1)
    expected = flambeau.rand(3).tolist()
    flambeau.manual_seed(1)
    with flambeau.random.fork_rng():
        flambeau.manual_seed(50)
        flambeau.rand(10)
    assert flambeau.rand(3).tolist() == expected
    assert flambeau.initial_seed() == 1
    with flambeau.random.fork_rng(enabled=False):
        flambeau.manual_seed(50)
    assert flambeau.initial_seed() == 50


def test_generator_of_another_device():
    generator = flambeau.Generator("meta")
    with pytest.raises(RuntimeError, match="Expected a 'cpu' device type for generator"):
        flambeau.rand(2, generator=generator)


def test_drawing_in_a_loop_is_one_program():
    stats_ = flambeau._engine.program.stats
    seen, drawn = [], []
    for step in range(8):
        x = flambeau.empty(16).normal_(0.0, 1.0 + step)
        y = flambeau.dropout(x, 0.1 + step / 20, True)
        drawn.append(y.sum().item())
        seen.append(stats_.programs)
    assert len(set(drawn)) == 8
    assert seen[-1] == seen[2]


def test_threads_with_their_own_generators():
    def work(seed, out):
        generator = flambeau.Generator().manual_seed(seed)
        out[seed] = [flambeau.rand(3, generator=generator).tolist() for _ in range(5)]

    alone: dict[int, list] = {}
    for seed in (1, 2):
        work(seed, alone)
    together: dict[int, list] = {}
    threads = [threading.Thread(target=work, args=(seed, together)) for seed in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert together == alone
