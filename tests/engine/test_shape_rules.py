"""Shapes that are known without abstract evaluation are those that it would find."""

import jax

import flambeau as torch
from flambeau._engine import call as calls


def test_results_that_are_like_an_input():
    torch.manual_seed(0)
    model = torch.nn.Sequential(
        torch.nn.Conv2d(1, 2, 3), torch.nn.BatchNorm2d(2), torch.nn.GELU(), torch.nn.Flatten(),
        torch.nn.LayerNorm(8), torch.nn.Linear(8, 3),
    )  # fmt: skip
    x = torch.randn(2, 1, 4, 4)
    for optimizer in (
        torch.optim.Adam(model.parameters(), amsgrad=True),
        torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9),
    ):
        optimizer.zero_grad()
        loss = (model(x) * torch.tensor([1.0, 2.0, 3.0]).double()).square().mean()
        loss.backward()
        optimizer.step()
    seen = set()
    for call in calls._CALLS.values():
        if not isinstance(call, calls.Call) or call.like is None:
            continue
        for (inputs, _), found in call._shapes.items():
            structs = [a and jax.ShapeDtypeStruct(a.shape, a.dtype) for a in inputs]
            with jax.enable_x64(True):
                expected = jax.eval_shape(call.fn, *structs)
            assert [(a.shape, a.dtype) for a in found] == [(o.shape, o.dtype) for o in expected]
            seen.add(call.name)
    assert {"linear_backward", "layer_norm_backward", "mul_backward", "adam_rule"} <= seen
