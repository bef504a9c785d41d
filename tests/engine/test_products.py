"""Which library runs the products of a program."""

import pytest

import flambeau as torch
from flambeau import nn
from flambeau._engine import products, recorder, xla
from flambeau._engine.device import CPU
from flambeau._engine.layout import Layout
from flambeau._engine.products import suit_eigen


@pytest.fixture(autouse=True)
def narrow(monkeypatch):
    """A processor without wide vectors, where the libraries are close."""
    monkeypatch.setattr(products, "wide_vectors", lambda: False)


def suits(compute) -> bool:
    """Whether what is computed suits Eigen, without running it."""
    recorder.flush()
    held = compute()  # noqa: F841
    graph = recorder.graph_for(CPU)
    found = suit_eigen(Layout(graph.state))
    graph.reset()
    return found


def made(*shape):
    t = torch.ones(*shape)
    recorder.flush()
    return t


@pytest.mark.parametrize(
    ("rows", "inputs", "outputs", "suited"),
    [
        (1024, 256, 1024, True),  # as many elements as the rows pay for
        (512, 256, 256, True),
        (8192, 256, 256, True),
        (1023, 256, 1024, False),
        (64, 1024, 1024, False),  # few rows
        (256, 128, 512, False),
        (512, 64, 64, False),  # little work
        (1024, 1024, 1024, False),  # a large matrix
    ],
)
def test_many_rows_and_a_small_matrix(rows, inputs, outputs, suited):
    x, weight = made(rows, inputs), made(outputs, inputs)
    assert suits(lambda: nn.functional.linear(x, weight)) is suited
    by, more = made(inputs, outputs), made(outputs)
    assert suits(lambda: x @ by) is suited
    assert suits(lambda: torch.addmm(more, x, by)) is suited


def test_batches_count_each():
    few, many = made(4, 128, 256), made(4, 1024, 256)
    each = made(4, 256, 256)
    assert not suits(lambda: torch.bmm(few, each))
    assert suits(lambda: torch.bmm(many, each))
    assert suits(lambda: few.repeat(2, 1, 1) @ made(256, 256))  # one matrix for all rows


def test_most_of_the_work_decides():
    x, good = made(1024, 256), made(256, 256)
    small, bad = made(64, 512), made(512, 512)
    assert suits(lambda: (x @ good, small @ bad))
    assert not suits(lambda: (x @ good, *[small @ bad for _ in range(2)]))


def test_other_kinds_do_not_suit():
    x = made(1024, 256)
    assert not suits(lambda: x + x)
    assert not suits(lambda: x.double() @ made(256, 256).double())


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.RNN])
def test_products_in_loops_have_few_rows_each_time(kind):
    layer, steps = kind(64, 32), made(4, 8, 64)
    x, by = made(1024, 256), made(256, 256)
    layer(steps)  # the first call ends what made the layer
    recorder.flush()
    assert suits(lambda: x @ by)
    assert not suits(lambda: (layer(steps)[0], x @ by))


def test_a_program_is_compiled_so(monkeypatch):
    seen = []
    attempt = xla.attempt

    def noting(device, compile, kind=""):
        seen.append(kind)
        return attempt(device, compile, kind)

    monkeypatch.setattr(xla, "attempt", noting)
    monkeypatch.setattr(torch.config, "cache_dir", None)
    x, weight = made(640, 128), made(128, 128).requires_grad_()
    nn.functional.linear(x, weight).sum().backward()
    assert weight.grad[0, 0].item() == 640
    assert "eigen" in seen
