"""Two threads at once give what they give one after the other."""

from __future__ import annotations

import threading

import numpy as np

import flambeau as torch


def train(seed: int, steps: int = 30) -> list[float]:
    rng = np.random.default_rng(seed)
    w = torch.tensor(rng.standard_normal((4, 3)).astype(np.float32), requires_grad=True)
    x = torch.tensor(rng.standard_normal((8, 4)).astype(np.float32))
    t = torch.tensor(rng.standard_normal((8, 3)).astype(np.float32))
    losses = []
    for _ in range(steps):
        loss = ((x @ w - t) ** 2).mean()
        w.grad = None
        loss.backward()
        with torch.no_grad():
            w -= 0.1 * w.grad
        losses.append(loss.item())
    return losses


def in_threads(jobs):
    results = [None] * len(jobs)
    errors = []

    def work(i, job):
        try:
            results[i] = job()
        except BaseException as error:  # handed to the main thread
            errors.append(error)

    threads = [threading.Thread(target=work, args=(i, j)) for i, j in enumerate(jobs)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not errors, errors
    return results


def test_two_models_at_once():
    alone = [train(1), train(2)]
    together = in_threads([lambda: train(1), lambda: train(2)])
    # To rounding: whether an early step ran as one program or operation by operation may differ.
    np.testing.assert_allclose(together, alone, rtol=1e-5)
    assert alone[0][-1] < alone[0][0]


def test_a_value_pending_in_one_thread_is_read_in_another():
    x = torch.tensor([2.0]) * 3
    (result,) = in_threads([lambda: (x + 1).item()])  # noqa: PLW0108
    assert result == 7.0
    assert x.item() == 6.0


def test_grad_mode_belongs_to_a_thread():
    with torch.no_grad():
        (result,) = in_threads([torch.is_grad_enabled])
        assert result
        assert not torch.is_grad_enabled()
