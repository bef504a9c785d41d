"""A line search for the strong Wolfe conditions (Nocedal and Wright, 2006, section 3.5)."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple


class Point(NamedTuple):
    """Where a step of length ``t`` leads: the loss, its gradient, and the slope along the way."""

    t: float
    loss: float
    grad: Any
    slope: float


def cubic_minimum(a: Point, b: Point, bounds: tuple[float, float] | None = None) -> float:
    """Where the cubic with the losses and slopes of two points is least, within bounds.

    Without a minimum, or between equal points, the middle of the bounds.
    """
    low, high = bounds or (min(a.t, b.t), max(a.t, b.t))
    if a.t > b.t:
        a, b = b, a
    if a.t == b.t:
        return (low + high) / 2
    chord = a.slope + b.slope - 3 * (a.loss - b.loss) / (a.t - b.t)
    square = chord * chord - a.slope * b.slope
    if not square >= 0:
        return (low + high) / 2
    root = math.sqrt(square)
    width = b.slope - a.slope + 2 * root
    if width == 0:
        return (low + high) / 2
    best = b.t - (b.t - a.t) * ((b.slope + root - chord) / width)
    return min(max(best, low), high)


def strong_wolfe(
    evaluate: Callable[[float], Point],
    start: Point,
    t: float,
    length: float,
    *,
    decrease: float = 1e-4,
    curvature: float = 0.9,
    tolerance: float = 1e-9,
    limit: int = 25,
) -> tuple[Point, int]:
    """Find a step that lowers the loss enough and flattens its slope enough.

    Args:
        evaluate: the point at a step length.
        start: the point at step length 0; its slope is negative.
        t: the first length to try.
        length: the largest component of the direction.
        decrease: how much of the promised decrease must be had.
        curvature: how much of the slope may be left.
        tolerance: a bracket that moves no component further than this is narrow enough.
        limit: the largest number of trials after the first.

    Returns:
        The point, and how often the loss was evaluated.
    """

    def falls_short(point: Point) -> bool:
        return point.loss > start.loss + decrease * point.t * start.slope

    def is_flat(point: Point) -> bool:
        return abs(point.slope) <= -curvature * start.slope

    # Go on until a minimum lies between two points.
    before, here = start, evaluate(t)
    trials = 0
    bracket = [start, here]
    while trials < limit:
        if falls_short(here) or (trials > 1 and here.loss >= before.loss):
            bracket = [before, here]
            break
        if is_flat(here):
            return here, trials + 1
        if here.slope >= 0:
            bracket = [before, here]
            break
        reach = (here.t + 0.01 * (here.t - before.t), here.t * 10)
        t = cubic_minimum(before, here, reach)
        before, here = here, evaluate(t)
        trials += 1
        bracket = [start, here]

    # Close in on it.
    stuck = False
    low, high = (0, 1) if bracket[0].loss <= bracket[1].loss else (1, 0)
    while trials < limit and abs(bracket[1].t - bracket[0].t) * length >= tolerance:
        t = cubic_minimum(bracket[0], bracket[1])
        left, right = sorted((bracket[0].t, bracket[1].t))
        margin = 0.1 * (right - left)
        if min(right - t, t - left) < margin:
            # Close to an end: once is luck, twice is no progress.
            if stuck or t >= right or t <= left:
                t = right - margin if abs(t - right) < abs(t - left) else left + margin
                stuck = False
            else:
                stuck = True
        else:
            stuck = False
        here = evaluate(t)
        trials += 1
        if falls_short(here) or here.loss >= bracket[low].loss:
            bracket[high] = here
            low, high = (0, 1) if bracket[0].loss <= bracket[1].loss else (1, 0)
            continue
        flat = is_flat(here)
        if not flat and here.slope * (bracket[high].t - bracket[low].t) >= 0:
            bracket[high] = bracket[low]
        bracket[low] = here
        if flat:
            break
    return bracket[low], trials + 1
