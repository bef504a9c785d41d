"""Facts that can be read off a model and its optimizers as they stand."""

from __future__ import annotations

import builtins
from collections.abc import Iterator, Sequence
from typing import Any

from flambeau import _source
from flambeau._autograd.tape import Sink
from flambeau._doctor.facts import (
    BufferFact,
    Facts,
    GroupFact,
    LooseFact,
    ModuleFact,
    OptimizerFact,
    ParameterFact,
    Place,
    StaleFact,
)
from flambeau._tensor.tensor import Tensor
from flambeau.nn._module import watch
from flambeau.nn.module import Module
from flambeau.nn.parameter import Buffer, Parameter
from flambeau.optim import _watch


def locate(root: Module, path: str) -> Place | None:
    """Where the program creates what is at ``path``: the line in the innermost class of its own."""
    module: Any = root
    owners = []
    parts = path.split(".")
    for part in parts:
        owners.append((module, part))
        module = module._modules.get(part) if isinstance(module, Module) else None
        if module is None:
            break
    for owner, part in reversed(owners):
        if not _source.is_ours(type(owner).__module__):
            place = _source.assignment(type(owner), part)
            if place is not None:
                return place
    return None


def collect(root: Module, optimizers: Sequence[Any], covered: Any = ()) -> Facts:
    """Facts about a model.

    Args:
        root: the model.
        optimizers: those that train it, as far as they are known.
        covered: parameters that were in an optimizer at some time.
    """
    facts = Facts(type(root).__name__)
    groups: dict[int, list[tuple[int, int]]] = {}
    states = set()
    for o, optimizer in enumerate(optimizers):
        for g, group in enumerate(optimizer.param_groups):
            for p in {id(p): p for p in group["params"]}.values():
                groups.setdefault(id(p), []).append((o, g))
                if optimizer.state.get(p):
                    states.add(id(p))
    names: dict[int, ParameterFact] = {}
    for path, module in root.named_modules():
        kind = type(module)
        facts.modules.append(
            ModuleFact(
                path,
                kind.__name__,
                locate(root, path) if path else _source.line_of_class(kind),
                path.rpartition(".")[0] if path else None,
                kind.forward is not Module.forward,
                module.training,
            )
        )
        for name, p in module._parameters.items():
            full = f"{path}.{name}" if path else name
            if p is None:
                continue
            if id(p) in names:
                names[id(p)].aliases.append(full)
                continue
            fact = names[id(p)] = ParameterFact(
                full,
                tuple(p.shape),
                p.numel(),
                str(p.dtype).removeprefix("torch."),
                str(p.device),
                p.requires_grad,
                p.is_floating_point(),
                path,
                kind.__name__,
                locate(root, full),
                groups=groups.get(id(p), []),
                covered=id(p) in groups or p in covered,
                has_grad=p.grad is not None,
                has_state=id(p) in states,
            )
            facts.parameters.append(fact)
        for name, b in module._buffers.items():
            if b is not None:
                full = f"{path}.{name}" if path else name
                facts.buffers.append(
                    BufferFact(
                        full,
                        tuple(b.shape),
                        str(b.dtype).removeprefix("torch."),
                        b.requires_grad,
                        locate(root, full) if b.requires_grad else None,
                    )
                )
    facts.loose = [*_containers(root), *_plain(root), *_closures(root)]
    for optimizer in optimizers:
        facts.optimizers.append(_optimizer(optimizer, {k: f.name for k, f in names.items()}))
    return facts


def _containers(root: Module) -> Iterator[LooseFact]:
    for found in watch.loose(root):
        place = _source.assignment(type(found.owner), found.attribute)
        path = ".".join(filter(None, (found.path, found.attribute)))
        yield LooseFact("FB001", path, found.text(root), place, found.trainable())


def _plain(root: Module) -> Iterator[LooseFact]:
    for path, module in root.named_modules():
        if _source.is_ours(type(module).__module__):
            continue
        built = dict(watch.plain_tensors(module))
        for name, tensor in list(vars(module).items()):
            if not isinstance(tensor, Tensor) or isinstance(tensor, (Parameter, Buffer)):
                continue
            full = f"{path}.{name}" if path else name
            who = watch.named(root, path, name)
            place = _source.assignment(type(module), name)
            edge = tensor._edge
            if edge is not None and not isinstance(edge[0], Sink):
                made = watch.lost_parameter(module, edge[0])
                if made is not None:
                    text = f"{who} is a plain tensor: nn.Parameter(x){made} is no parameter"
                    yield LooseFact("FB003", full, f"{text}; write nn.Parameter(x{made})", place)
            elif name in built or edge is not None:
                use = "nn.Parameter" if edge is not None else f"register_buffer('{name}', ...)"
                text = f"{who} is a plain tensor, neither parameter nor buffer; use {use}"
                yield LooseFact("FB002", full, text, place)


def _closures(root: Module) -> Iterator[LooseFact]:
    """Modules and parameters that a forward takes from around it."""
    known = {id(m) for m in root.modules()} | {id(p) for p in root.parameters()}
    seen = set()
    for path, module in root.named_modules():
        kind = type(module)
        forward = kind.forward
        code = getattr(forward, "__code__", None)
        if code is None or kind in seen or _source.is_ours(kind.__module__):
            continue
        seen.add(kind)
        cells = zip(code.co_freevars, forward.__closure__ or (), strict=True)
        around = {name: _content(cell) for name, cell in cells}
        for name in code.co_names:
            if name in forward.__globals__ and not hasattr(builtins, name):
                around.setdefault(name, forward.__globals__[name])
        for name, value in around.items():
            if not isinstance(value, (Module, Parameter)) or id(value) in known:
                continue
            params = list(value.parameters()) if isinstance(value, Module) else [value]
            if isinstance(value, Module) and any(m is root for m in value.modules()):
                continue
            if any(p.requires_grad for p in params):
                elements = sum(p.numel() for p in params)
                yield LooseFact(
                    "FB036",
                    ".".join(filter(None, (path, name))),
                    f"forward of {watch.named(root, path, '')} uses the variable '{name}', a "
                    f"{type(value).__name__} ({elements} parameters) that is not registered",
                    (code.co_filename, code.co_firstlineno),
                )


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not filled yet
        return None


def _optimizer(optimizer: Any, names: dict[int, str]) -> OptimizerFact:
    groups, stale = [], []
    for index, group in enumerate(optimizer.param_groups):
        params = group["params"]
        given = group.get("param_names") or [None] * len(params)
        seen: set[int] = set()
        small, duplicates = [], []
        for p, called in zip(params, given, strict=False):
            name = names.get(id(p)) or called or f"a tensor of shape {tuple(p.shape)}"
            if id(p) in seen:
                duplicates.append(name)
            seen.add(id(p))
            if p.requires_grad and p.dim() < 2 and id(p) in names:
                small.append(name)
            if id(p) not in names:
                found = _stale(optimizer, index, p, called)
                if found is not None:
                    stale.append(found)
        groups.append(
            GroupFact(
                _number(group.get("weight_decay")), _number(group.get("lr")), small, duplicates
            )
        )
    return OptimizerFact(type(optimizer).__name__, _watch.made.get(optimizer), groups, stale)


def _number(value: Any) -> float:
    return 0.0 if value is None else float(value)


def _stale(optimizer: Any, index: int, param: Any, called: str | None) -> StaleFact | None:
    if not isinstance(param, Parameter) or watch.owners(param):
        return None
    found = watch.successor(param)
    name = found[1] if found is not None else called
    who = f"'{name}'" if name else f"a parameter of shape {tuple(param.shape)}"
    text = (
        f"{type(optimizer).__name__}: group {index} holds a tensor that was {who} and is no longer "
        "in the model"
    )
    return StaleFact(index, name or "", text, watch.replaced_at(param))
