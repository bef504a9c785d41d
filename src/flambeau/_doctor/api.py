"""``flambeau.doctor``."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

from flambeau._doctor.finding import Finding, Report

STATIC = {"FB001", "FB002", "FB003", "FB006"}
"""Codes that both a warning and the facts lead to."""


def doctor(
    model: Any,
    optimizer: Any = None,
    step: Callable[[], Any] | None = None,
    *,
    steps: int = 6,
    print: bool = True,
) -> Report:
    """Say what is wired wrong in a model and its training, with names and lines.

    Args:
        model: the module.
        optimizer: the optimizer that trains it, or several; without one, nothing is said of
            parameters that no optimizer has.
        step: a function that does one step of training: forward, backward, ``optimizer.step()``.
            It is called a few times, so the model is trained by as many steps.
        steps: how many times.
        print: whether the findings are printed, as a table.

    Returns:
        The report: iterate over it for the findings, ask ``.ok``, or write it with
        ``.to_json(path)`` or ``.to_html(path)``.

    Example:
        >>> import flambeau as torch
        >>> model = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.Linear(4, 1))
        >>> optimizer = torch.optim.SGD(model[1].parameters(), lr=0.1)
        >>> torch.doctor(model, optimizer, print=False)  # doctest: +ELLIPSIS
        flambeau doctor: 1 warning
          FB007 warning: '0.weight', '0.bias' are trainable and in no optimizer...
    """
    from flambeau import _warnings
    from flambeau._doctor import checks
    from flambeau._doctor.collect import collect
    from flambeau._doctor.data import data_of
    from flambeau._doctor.observe import Observer
    from flambeau._progress import waiting
    from flambeau._tensor import history

    optimizers = _several(optimizer)
    findings: list[Finding] = []
    observer = Observer()
    observer.roots = lambda optimizer: [model]
    if step is not None:

        def heard(code: str, text: str, file: str, line: int, owner: Any) -> None:
            if code not in STATIC:
                findings.append(Finding(code, "", text, file, line))

        history.afresh()
        _warnings.listeners.append(heard)
        observer.attach()
        try:
            with _warnings.silence("all"), waiting(f"doctor: the step is run {steps} times"):
                for _ in range(steps):
                    step()
        finally:
            observer.detach()
            _warnings.listeners.remove(heard)
    facts = observer.complete(collect(model, optimizers, observer.covered), model)
    findings += checks.findings(facts)
    report = Report(findings, data_of([facts], observer.steps))
    if print:
        report.print(sys.stdout)
    return report


def _several(optimizer: Any) -> Sequence[Any]:
    if optimizer is None:
        return ()
    return tuple(optimizer) if isinstance(optimizer, (list, tuple)) else (optimizer,)
