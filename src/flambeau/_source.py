"""Where in a program something is written: lines found in its source by name.

Used only when something is to be told to the user, so the source is read and parsed then.
"""

from __future__ import annotations

import ast
import functools
import inspect
import linecache
import sys
from types import FrameType
from typing import Any

Place = tuple[str, int]

_ADDING = {"add", "append", "appendleft", "extend", "insert", "put", "setdefault", "update"}


def is_ours(name: str | None) -> bool:
    """Whether a module of this name belongs to flambeau."""
    return name is not None and (name == "flambeau" or name.startswith("flambeau."))


def user_frames() -> list[FrameType]:
    """The frames outside flambeau, innermost first."""
    frames = []
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if not is_ours(frame.f_globals.get("__name__", "")):
            frames.append(frame)
        frame = frame.f_back
    return frames


@functools.lru_cache(maxsize=64)
def _parsed(source: str) -> ast.Module | None:
    try:
        return ast.parse(source)
    except SyntaxError:
        return None


def tree_of(file: str) -> ast.Module | None:
    """The parsed source of a file, or None where there is none."""
    return _parsed("".join(linecache.getlines(file)))


def file_of(cls: type) -> str | None:
    """The file that defines a class; also for programs run as ``__main__``."""
    for function in vars(cls).values():
        function = inspect.unwrap(function) if callable(function) else function
        code = getattr(function, "__code__", None)
        if code is not None and getattr(function, "__qualname__", "").startswith(cls.__qualname__):
            return code.co_filename
    try:
        return inspect.getsourcefile(cls)
    except (TypeError, OSError):
        return None


def line_of_class(cls: type) -> Place | None:
    """Where a class is defined."""
    file = file_of(cls)
    tree = None if file is None else tree_of(file)
    node = None if tree is None else _class_node(tree, cls.__qualname__)
    return None if file is None or node is None else (file, node.lineno)


def assignment(cls: type, attribute: str) -> Place | None:
    """Where a class (or one that it inherits from) says ``self.attribute = ...``.

    The first such line, those in ``__init__`` before others; what modules register by name
    (``self.register_buffer("attribute", ...)``) counts too.
    """
    for base in cls.__mro__:
        if base is object or is_ours(base.__module__):
            continue
        file = file_of(base)
        tree = None if file is None else tree_of(file)
        node = None if tree is None else _class_node(tree, base.__qualname__)
        if file is None or node is None:
            continue
        functions = [n for n in node.body if isinstance(n, ast.FunctionDef)]
        functions.sort(key=lambda f: f.name != "__init__")
        for function in functions:
            for statement in ast.walk(function):
                if _sets(statement, attribute):
                    return file, statement.lineno
    return None


def _class_node(tree: ast.AST, qualname: str) -> ast.ClassDef | None:
    body: Any = tree
    for part in qualname.split("."):
        if part == "<locals>":
            continue
        body = next(
            (
                n
                for n in ast.walk(body)
                if isinstance(n, (ast.ClassDef, ast.FunctionDef)) and n.name == part and n != body
            ),
            None,
        )
        if body is None:
            return None
    return body if isinstance(body, ast.ClassDef) else None


def _sets(node: ast.AST, attribute: str) -> bool:
    targets: list[Any] = []
    if isinstance(node, ast.Assign):
        for target in node.targets:
            targets += target.elts if isinstance(target, (ast.Tuple, ast.List)) else [target]
    elif isinstance(node, (ast.AnnAssign, ast.AugAssign)):
        targets = [node.target]
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and node.value.args:
        first = node.value.args[0]
        name = getattr(node.value.func, "attr", getattr(node.value.func, "id", ""))
        return (
            name in ("register_buffer", "register_parameter", "add_module", "setattr")
            and isinstance(first, ast.Constant)
            and first.value == attribute
        )
    return any(
        isinstance(t, ast.Attribute)
        and t.attr == attribute
        and isinstance(t.value, ast.Name)
        and t.value.id == "self"
        for t in targets
    )


def last_name(node: ast.AST) -> str | None:
    """``losses`` of ``losses``, ``self.losses`` and ``self.losses["train"]``."""
    while isinstance(node, ast.Subscript):
        node = node.value
    if isinstance(node, ast.Name):
        return node.id
    return node.attr if isinstance(node, ast.Attribute) else None


def keeping(file: str, name: str, near: int) -> Place | None:
    """The line that puts something into what is called ``name``, or adds to it.

    Of several, the nearest at or below ``near``, a line before it otherwise.
    """
    tree = tree_of(file)
    if tree is None:
        return None
    lines = sorted({node.lineno for node in ast.walk(tree) if _keeps(node, name)})
    if not lines:
        return None
    after = [line for line in lines if line >= near]
    return file, (after[0] if after else lines[-1])


def _keeps(node: ast.AST, name: str) -> bool:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return node.func.attr in _ADDING and last_name(node.func.value) == name
    if isinstance(node, ast.AugAssign):
        return last_name(node.target) == name
    if isinstance(node, ast.Assign):
        for target in node.targets:
            if last_name(target) == name:
                inside = {last_name(n) for n in ast.walk(node.value)}
                return isinstance(target, ast.Subscript) or name in inside
    return False
