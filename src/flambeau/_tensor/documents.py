"""Docstrings of functions that are made from others."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any

_SOURCE = re.compile(r"\s*Follows ``[^`]*``\.?")
_CALL = re.compile(
    r">>> torch\.[\w.]*?\w+\((?P<first>torch\.tensor\([^()]*\))(?:, (?P<rest>.+))?\)\n"
    r"(?P<shown>(?:[ ]*tensor\(.*\n?)+(?:[ ]{8}.*\n?)*)"
)


def in_place(title: str, function: Callable[..., Any], *, example: bool = True) -> str:
    """The docstring of the in-place form of a function.

    Args:
        title: its name, such as ``"abs_"``.
        function: the form that returns a new tensor.
        example: the in-place form of the function's own example, if that is one call on a
            tensor, prints the same.
    """
    base = title.removesuffix("_")
    text = function.__doc__ or ""
    summary = " ".join(_SOURCE.sub("", text.partition("\n\n")[0]).split())
    rule = (
        "The result is written into ``self``, which must have its shape and a dtype that can\n"
        "hold it, and ``self`` is returned. Gradients flow as through the other form."
    )
    summary = f"{summary[:1].lower()}{summary[1:]}"
    parts = [f"In-place version of :func:`flambeau.{base}`: {summary}", rule]
    found = _CALL.search(text) if example else None
    if found is not None and found["shown"].count("\n") <= 1:
        call = f"{found['first']}.{title}({found['rest'] or ''})"
        shown = found["shown"].strip()
        parts.append(f"Example:\n    >>> import flambeau as torch\n    >>> {call}\n    {shown}")
    refused = "a leaf that requires a gradient, or its shape or dtype cannot hold the result"
    parts.insert(2, f"Raises:\n    RuntimeError: the tensor is {refused}.")
    parts.append(f"Follows ``torch.Tensor.{title}``.")
    return "\n\n".join(parts)


def add_example(function: Callable[..., Any], text: str) -> None:
    """Give a function that is made in a loop its Example, before the page that it follows."""
    document = inspect.cleandoc(function.__doc__ or "")
    lines = ["    >>> import flambeau as torch"]
    lines += [f"    {line}" for line in inspect.cleandoc(text).splitlines()]
    example = "\n".join(["Example:", *lines])
    head, follows, tail = document.rpartition("Follows `")
    if follows and head.endswith("\n\n") and "\n\n" not in tail:
        function.__doc__ = f"{head}{example}\n\n{follows}{tail}"
    else:
        function.__doc__ = f"{document}\n\n{example}\n"
