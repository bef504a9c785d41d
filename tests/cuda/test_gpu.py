"""Programs on a GPU, where there is one: they do what they do on the CPU."""

from __future__ import annotations

import numpy as np
import pytest

import flambeau as torch
from flambeau import nn
from flambeau._engine import executor
from flambeau._engine.program import stats

functional = nn.functional

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")


def close(a, b, tolerance=2e-5):
    a, b = (x.detach().cpu().float().numpy() for x in (a, b))
    np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance * max(1.0, np.abs(b).max()))


def draw(*shape, seed=0):
    values = np.random.default_rng(seed).standard_normal(shape).astype(np.float32)
    return torch.from_numpy(values)


def train(model, x, y, device, steps=4, compiled=False, half=False, optimizer=torch.optim.Adam):
    """Losses and parameters after some steps."""
    model, x, y = model.to(device), x.to(device), y.to(device)
    loss_of = nn.CrossEntropyLoss()
    update = optimizer(model.parameters(), lr=1e-2)

    def step():
        update.zero_grad()
        with torch.autocast(device, dtype=torch.bfloat16, enabled=half):
            loss = loss_of(model(x), y)
        loss.backward()
        update.step()
        return loss

    run = torch.compile(step) if compiled else step
    losses = [run().item() for _ in range(steps)]
    return losses, [p.detach().cpu() for p in model.parameters()]


def mlp():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 10))


def test_where_tensors_are():
    x = torch.arange(6, device="cuda")
    assert x.is_cuda
    assert x.device == torch.device("cuda", 0)
    assert (x + 1).device.type == "cuda"
    assert x.cpu().tolist() == list(range(6))
    assert (x * torch.tensor(2)).tolist() == [0, 2, 4, 6, 8, 10]  # a number on the CPU follows
    with pytest.raises(RuntimeError, match="same device"):
        x + torch.arange(6)
    assert x.to("cpu").device.type == "cpu"
    assert x.to(torch.float64).device.type == "cuda"
    y = torch.zeros(6, device="cuda")
    y[2:4] = 1.5
    assert y.tolist() == [0, 0, 1.5, 1.5, 0, 0]
    assert torch.from_numpy(np.ones(3)).cuda().sum().item() == 3


def test_random_numbers_are_those_of_the_seed():
    torch.manual_seed(3)
    a = torch.randn(100, device="cuda")
    torch.manual_seed(3)
    b = torch.randn(100, device="cuda")
    assert a.is_cuda
    assert torch.equal(a, b)
    assert not torch.equal(a, torch.randn(100, device="cuda"))


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("optimizer", ["Adam", "SGD"])
def test_training_gives_what_it_gives_on_the_cpu(compiled, optimizer):
    x, y = draw(8, 16), torch.arange(8)
    make = getattr(torch.optim, optimizer)
    on_cpu = train(mlp(), x, y, "cpu", optimizer=make)
    on_gpu = train(mlp(), x, y, "cuda", compiled=compiled, optimizer=make)
    np.testing.assert_allclose(on_gpu[0], on_cpu[0], rtol=2e-5)
    for a, b in zip(on_gpu[1], on_cpu[1], strict=True):
        close(a, b, 2e-4)


def test_steps_are_one_program():
    x, y = draw(8, 16), torch.tensor(range(8))
    train(mlp(), x, y, "cuda", steps=6)
    before = stats.programs
    train(mlp(), x, y, "cuda", steps=6)
    assert stats.programs == before


LAYERS = {
    "linear": (lambda: nn.Linear(16, 8), (4, 16)),
    "conv": (lambda: nn.Conv2d(8, 16, 3, padding=1), (2, 8, 9, 9)),
    "strided conv": (lambda: nn.Conv2d(3, 16, 7, 2, 3), (2, 3, 17, 17)),
    "1x1 conv": (lambda: nn.Conv2d(8, 16, 1, 2), (2, 8, 8, 8)),
    "grouped conv": (lambda: nn.Conv2d(8, 16, 3, groups=4), (2, 8, 9, 9)),
    "depthwise conv": (lambda: nn.Conv2d(8, 16, 3, groups=8), (2, 8, 9, 9)),
    "transposed conv": (lambda: nn.ConvTranspose2d(8, 6, 4, 2, 1), (2, 8, 5, 5)),
    "conv 1-D": (lambda: nn.Conv1d(8, 6, 3, dilation=2), (2, 8, 12)),
    "conv 3-D": (lambda: nn.Conv3d(4, 6, 3), (2, 4, 5, 5, 5)),
    "batch norm": (lambda: nn.BatchNorm2d(8), (4, 8, 5, 5)),
    "layer norm": (lambda: nn.LayerNorm(12), (4, 3, 12)),
    "group norm": (lambda: nn.GroupNorm(2, 8), (4, 8, 5, 5)),
    "max pool": (lambda: nn.MaxPool2d(3, 2, 1), (2, 4, 9, 9)),
    "mean pool": (lambda: nn.AvgPool2d(2), (2, 4, 8, 8)),
    "lstm": (lambda: nn.LSTM(8, 6, batch_first=True, bidirectional=True), (3, 5, 8)),
    "gru": (lambda: nn.GRU(8, 6), (5, 3, 8)),
    "attention": (lambda: nn.TransformerEncoderLayer(16, 4, 32, 0.0, batch_first=True), (2, 6, 16)),
    "gelu": (nn.GELU, (4, 16)),
    "softmax": (lambda: nn.Softmax(-1), (4, 16)),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layers_and_their_gradients(name):
    make, shape = LAYERS[name]
    results = []
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        for device in ("cpu", "cuda"):
            torch.manual_seed(0)
            layer = make().to(device)
            x = draw(*shape).to(device).requires_grad_()
            out = layer(x)
            out = out[0] if isinstance(out, tuple) else out
            (out * draw(*out.shape, seed=1).to(device)).sum().backward()
            results.append([out, x.grad, *[p.grad for p in layer.parameters()]])
    for a, b in zip(*results, strict=True):
        close(b, a, 5e-5)


OPERATIONS = {
    "sort": lambda x: x.sort(dim=1).values,
    "topk": lambda x: x.topk(3, dim=1).values,
    "cumsum": lambda x: x.cumsum(1),
    "matmul": lambda x: x @ x.T,
    "einsum": lambda x: torch.einsum("ij,kj->ik", x, x),
    "svd": torch.linalg.svdvals,
    "solve": lambda x: torch.linalg.solve(x @ x.T + 9 * torch.eye(8, device=x.device), x),
    "cholesky": lambda x: torch.linalg.cholesky(x @ x.T + 9 * torch.eye(8, device=x.device)),
    "eigh": lambda x: torch.linalg.eigvalsh(x + x.T) if x.shape[0] == x.shape[1] else x,
    "gather": lambda x: x.gather(1, x.argsort(1)),
    "scatter": lambda x: torch.zeros_like(x).scatter_add(1, x.argsort(1) // 2, x),
    "index": lambda x: x[torch.tensor([0, 2, 2], device=x.device)],
    "mask": lambda x: x.masked_fill(x > 0, -1.0),
    "where": lambda x: torch.where(x > 0, x, x.exp()),
    "fft": lambda x: torch.fft.rfft(x).abs(),
    "interpolate": lambda x: functional.interpolate(x[None, None], scale_factor=2, mode="bilinear"),
    "logsumexp": lambda x: x.logsumexp(1),
    "embedding": lambda x: functional.embedding(torch.tensor([[1, 0], [3, 3]], device=x.device), x),
    "cross entropy": lambda x: functional.cross_entropy(x, torch.arange(8, device=x.device)),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_operations_and_their_gradients(name):
    results = []
    for device in ("cpu", "cuda"):
        x = draw(8, 12).to(device).requires_grad_()
        out = OPERATIONS[name](x)
        (out * out).sum().backward()
        results.append((out, x.grad))
    for a, b in zip(*results, strict=True):
        close(b, a, 1e-4)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_attention_in_half_precision(causal, dtype):
    """One kernel of cuDNN's, against attention in float32."""
    results = []
    for kind in (torch.float32, dtype):
        q, k, v = (
            draw(2, 4, 64, 32, seed=i).to("cuda", dtype).to(kind).requires_grad_() for i in range(3)
        )
        out = functional.scaled_dot_product_attention(q, k, v, is_causal=causal)
        (out * draw(2, 4, 64, 32, seed=9).to("cuda", dtype).to(kind)).sum().backward()
        results.append([out, q.grad, k.grad, v.grad])
    for wide, half in zip(*results, strict=True):
        assert half.dtype is dtype
        close(half, wide, 2e-2)


def test_attention_is_fused_unless_it_is_switched_off():
    q = draw(2, 4, 64, 32).to("cuda", torch.bfloat16)

    def text():
        executor.begin()  # whole programs, whatever came before
        known = set(executor._resident)
        functional.scaled_dot_product_attention(q, q, q).float().sum().item()
        new = [p for key, p in executor._resident.items() if key not in known]
        return "".join(p.compiled.as_text() for p in new)

    assert "fmha" in text()
    with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
        assert "fmha" not in text()


def test_attention_has_second_derivatives():
    q = draw(1, 2, 16, 8).to("cuda", torch.bfloat16).requires_grad_()
    out = functional.scaled_dot_product_attention(q, q, q)
    (g,) = torch.autograd.grad(out.float().pow(2).sum(), q, create_graph=True)
    g.float().pow(2).sum().backward()
    assert torch.isfinite(q.grad).all().item()


def test_products_are_exact_to_float32_unless_tf32_is_allowed():
    a, b = draw(256, 256), draw(256, 256, seed=1)
    want = a.double() @ b.double()

    def error():
        return ((a.cuda() @ b.cuda()).cpu().double() - want).abs().max().item()

    exact = error()
    torch.set_float32_matmul_precision("high")
    try:
        loose = error()
    finally:
        torch.set_float32_matmul_precision("highest")
    assert exact < 2e-4
    assert loose > 4 * exact
    assert error() == exact


def test_autocast_and_the_scaler():
    x, y = draw(8, 16), torch.arange(8)
    plain, _ = train(mlp(), x, y, "cuda", steps=10)
    half, _ = train(mlp(), x, y, "cuda", steps=10, half=True)
    np.testing.assert_allclose(half, plain, rtol=5e-2)
    model = mlp().cuda()
    update = torch.optim.SGD(model.parameters(), lr=0.1)
    scaler = torch.amp.GradScaler("cuda")
    first = last = None
    for _ in range(10):
        update.zero_grad()
        with torch.autocast("cuda", dtype=torch.float16):
            loss = functional.cross_entropy(model(x.cuda()), y.cuda())
        scaler.scale(loss).backward()
        scaler.step(update)
        scaler.update()
        first, last = loss.item() if first is None else first, loss.item()
    assert last < first


def test_checkpoints_move_between_devices(tmp_path):
    model = mlp().cuda()
    torch.save(model.state_dict(), tmp_path / "m.pt")
    there = torch.load(tmp_path / "m.pt", map_location="cpu")
    assert all(v.device.type == "cpu" for v in there.values())
    again = torch.load(tmp_path / "m.pt")
    assert all(v.is_cuda for v in again.values())
    other = mlp()
    other.load_state_dict(again)
    close(other[0].weight, model[0].weight, 0)
    assert other[0].weight.device.type == "cpu"


def test_events_and_memory():
    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    begin.record()
    x = torch.ones(1000, 1000, device="cuda")
    (x @ x).sum().item()
    end.record()
    torch.cuda.synchronize()
    assert begin.elapsed_time(end) > 0
    assert torch.cuda.memory_allocated() >= 4_000_000
    assert torch.cuda.max_memory_allocated() >= torch.cuda.memory_allocated()
    free, total = torch.cuda.mem_get_info()
    assert 0 < free < total


def test_dropout_and_eval():
    torch.manual_seed(0)
    layer = nn.Dropout(0.5).cuda()
    x = torch.ones(1000, device="cuda")
    kept = (layer(x) != 0).float().mean().item()
    assert 0.4 < kept < 0.6
    assert torch.equal(layer.eval()(x), x)
