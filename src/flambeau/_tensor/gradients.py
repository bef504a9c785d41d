"""backward() and grad() for tensors."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from typing import Any

from flambeau._autograd.backward import ones, run_backward
from flambeau._autograd.tape import Node, Tracked
from flambeau._tensor import dtypes, history, rehearsal
from flambeau._tensor.core import Leaf, TensorBase, value_of, wrap


def backward(
    tensors: Any,
    grad_tensors: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Any = None,
) -> None:
    """Add the gradients of the sum of ``tensors`` to the ``.grad`` of the leaves.

    Args:
        tensors: where to start; a tensor that is not a scalar needs its entry in
            ``grad_tensors``.
        grad_tensors: gradients with respect to ``tensors``.
        retain_graph: keep the graph for another backward; by default as ``create_graph``.
        create_graph: record the backward pass, for higher derivatives.
        inputs: accumulate into these leaves only.

    Raises:
        RuntimeError: nothing here requires grad; a tensor is not a scalar and has no
            gradient given; or the graph was freed by an earlier backward.

    Follows ``torch.autograd.backward``.
    """
    tensors = (tensors,) if isinstance(tensors, TensorBase) else tuple(tensors)
    form = note = None
    if grad_tensors is inputs is None and not (retain_graph or create_graph) and len(tensors) == 1:
        form = rehearsal.form_of(tensors[0])
    if form is not None:
        if rehearsal.run(form):
            history.note(form.nodes[0])
            return
        note = rehearsal.before(form)
    grads = _given_grads(tensors, grad_tensors)
    roots = _roots(tensors, grads, create_graph)
    retain = create_graph if retain_graph is None else retain_graph
    for edge, _ in roots:
        history.note(edge[0])
    if inputs is None:
        run_backward(roots, retain=retain, tracked=create_graph, on_released=_refusal(roots))
        if note is not None:
            rehearsal.after(note)
        return
    targets = (inputs,) if isinstance(inputs, TensorBase) else tuple(inputs)
    if not targets:
        raise RuntimeError("'inputs' argument to backward() cannot be empty.")
    edges = [_edge_of(t) for t in targets]
    found = run_backward(
        roots,
        retain=retain,
        tracked=create_graph,
        capture=edges,
        accumulate=False,
        on_released=_refusal(roots),
    )
    for t, g in zip(targets, found, strict=True):
        if g is not None:
            leaf_of(t).accumulate(g)


def grad(
    outputs: Any,
    inputs: Any,
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    allow_unused: bool | None = None,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> tuple[Any, ...]:
    """The gradients of the sum of ``outputs`` with respect to ``inputs``.

    Args:
        outputs: tensors to differentiate.
        inputs: tensors to differentiate with respect to.
        grad_outputs: gradients with respect to the outputs; ones for scalars.
        retain_graph: keep the graph for another backward; by default as ``create_graph``.
        create_graph: record the backward pass, for higher derivatives.
        allow_unused: give None for an input that the outputs do not depend on.
        is_grads_batched: the first dimension of ``grad_outputs`` is a batch.
        materialize_grads: give zeros for such an input.

    Returns:
        One gradient per input.

    Raises:
        RuntimeError: an input was not used, or does not require grad.

    Follows ``torch.autograd.grad``.
    """
    outputs = (outputs,) if isinstance(outputs, TensorBase) else tuple(outputs)
    targets = (inputs,) if isinstance(inputs, TensorBase) else tuple(inputs)
    if allow_unused is False and materialize_grads:
        raise ValueError(
            "Expected allow_unused to be True or not passed when materialize_grads=True, "
            "but got: False"
        )
    if is_grads_batched:
        return _batched_grad(
            outputs,
            targets,
            grad_outputs,
            retain_graph,
            create_graph,
            allow_unused,
            materialize_grads,
        )
    unused_ok = materialize_grads if allow_unused is None else allow_unused
    for t in targets:
        if t._edge is None:
            raise RuntimeError("One of the differentiated Tensors does not require grad")
    retain = create_graph if retain_graph is None else retain_graph
    roots = _roots(outputs, _given_grads(outputs, grad_outputs), create_graph)
    edges = [_edge_of(t) for t in targets]
    distinct = dict.fromkeys(edges)  # one tensor may be asked for twice
    found = run_backward(
        roots,
        retain=retain,
        tracked=create_graph,
        capture=list(distinct),
        accumulate=False,
        on_released=_refusal(roots),
    )
    by_edge = dict(zip(distinct, found, strict=True))
    result = []
    for t, edge in zip(targets, edges, strict=True):
        g = by_edge[edge]
        if g is not None:
            result.append(wrap(g.value, g.edge))
        elif not unused_ok:
            raise RuntimeError(
                "One of the differentiated Tensors appears to not have been used in the graph. "
                "Set allow_unused=True if this is the desired behavior."
            )
        else:
            result.append(zeros_like(t) if materialize_grads else None)
    return tuple(result)


def _batched_grad(
    outputs: Any,
    targets: Any,
    grad_outputs: Any,
    retain: Any,
    create: bool,
    unused: Any,
    full: bool,
) -> tuple[Any, ...]:
    """Gradients for every slice of ``grad_outputs``: a backward inside ``vmap``."""
    from flambeau._tensor.transforms.vmap import vmap

    batch = (grad_outputs,) if isinstance(grad_outputs, TensorBase) else tuple(grad_outputs)
    given = [g for g in batch if g is not None]
    absent: list[int] = []

    def one(*rows: Any) -> tuple[Any, ...]:
        rest = iter(rows)
        seeds = [None if g is None else next(rest) for g in batch]
        found = grad(outputs, targets, seeds, retain, create, full or unused)
        absent.extend(i for i, g in enumerate(found) if g is None)
        return tuple(g for g in found if g is not None)

    present = iter(vmap(one)(*given))
    return tuple(
        (zeros_like(t) if full else None) if i in absent else next(present)
        for i, t in enumerate(targets)
    )


def zeros_like(t: Any) -> Any:
    """Zeros of a tensor's shape, dtype and device."""
    aval = value_of(t).aval
    made = ones(aval)
    return wrap(made.value) * 0


def leaf_of(t: Any) -> Leaf:
    """The holder of a tensor's ``.grad``, made when it is first asked for."""
    if t._leaf is None:
        t._leaf = Leaf(t)
    return t._leaf


def _edge_of(t: Any) -> Any:
    value_of(t)  # a stale view derives its history again
    if t._edge is None:
        raise RuntimeError("One of the differentiated Tensors does not require grad")
    return t._edge


def _given_grads(tensors: tuple[Any, ...], grads: Any) -> tuple[Any, ...]:
    if grads is None:
        return (None,) * len(tensors)
    grads = (grads,) if isinstance(grads, TensorBase) else tuple(grads)
    if len(grads) != len(tensors):
        raise RuntimeError(f"got {len(tensors)} tensors and {len(grads)} gradients")
    return grads


def _roots(
    tensors: Sequence[Any], grads: Sequence[Any], create_graph: bool
) -> list[tuple[Any, Tracked]]:
    roots = []
    for i, (t, g) in enumerate(zip(tensors, grads, strict=True)):
        value = value_of(t)
        if t._edge is None:
            raise RuntimeError(
                f"element {i} of tensors does not require grad and does not have a grad_fn"
            )
        aval = value.aval
        if g is None:
            if aval.size != 1:
                raise RuntimeError("grad can be implicitly created only for scalar outputs")
            if not dtypes.from_numpy_dtype(aval.dtype).is_floating_point:
                raise RuntimeError(
                    "grad can be implicitly created only for real scalar outputs but got "
                    f"{dtypes.from_numpy_dtype(aval.dtype)}"
                )
            roots.append((t._edge, ones(aval)))
            continue
        given = value_of(g)
        if given.aval.shape != aval.shape:
            raise RuntimeError(
                f"Mismatch in shape: grad_output[{i}] has a shape of {list(given.aval.shape)} "
                f"and output[{i}] has a shape of {list(aval.shape)}."
            )
        roots.append((t._edge, Tracked(given, g._edge if create_graph else None)))
    return roots


def _refusal(roots: Sequence[tuple[Any, Tracked]]) -> Any:
    """Makes the error for a graph whose saved values were freed, naming who carried it here."""
    starts = {id(edge[0]) for edge, _ in roots}

    def refuse(node: Node, user: Node | None) -> RuntimeError:
        text = (
            "Trying to backward through the graph a second time (or directly access saved "
            "tensors after they have already been freed). Saved intermediate values of the "
            "graph are freed when you call .backward() or autograd.grad()."
        )
        again = "specify retain_graph=True if you need to backward through the graph again."
        carrier = _carrier(node, starts)
        if carrier is None:
            return RuntimeError(f"{text} {again[0].upper()}{again[1:]}")
        at = f" at {node.line}" if node.line else ""
        return RuntimeError(
            f"{text} The old graph, up to {node.label}{at}, was carried here by {carrier}: write "
            f"`.detach()` where it is kept for the next step, or {again}"
        )

    return refuse


def _carrier(node: Node, starts: set[int]) -> str | None:
    """What a user calls the tensor that leads to a freed node.

    The tensor that the node made, if it is still there; otherwise (a state replaced at every
    step) the nearest one that was computed from it, those kept on objects before variables.
    Searched for only when an error is about to be raised.
    """
    tensors = [
        o
        for o in gc.get_objects()
        if issubclass(type(o), TensorBase) and o._edge is not None and isinstance(o._edge[0], Node)
    ]
    users: dict[int, list[Node]] = {}
    seen: set[int] = set()
    stack = [t._edge[0] for t in tensors]
    while stack:
        at = stack.pop()
        if id(at) in seen:
            continue
        seen.add(id(at))
        for edge in at.edges:
            if edge is not None and isinstance(edge[0], Node):
                users.setdefault(id(edge[0]), []).append(at)
                stack.append(edge[0])
    distance = {id(node): 0}
    queue = [node]
    for at in queue:
        for user in users.get(id(at), ()):
            if id(user) not in distance:
                distance[id(user)] = distance[id(at)] + 1
                queue.append(user)
    named = []
    for t in tensors:
        far = distance.get(id(t._edge[0]))
        if far is None or (id(t._edge[0]) in starts and far > 0):
            continue
        name = _describe(t)
        if name is not None:
            named.append((far > 0, name.startswith("the variable"), far, name))
    return min(named)[3] if named else None


def _describe(tensor: Any) -> str | None:
    """What a user calls a tensor: the module attribute, variable or container that holds it."""
    import sys

    for holder in gc.get_referrers(tensor):
        if isinstance(holder, (tuple, list)):
            outer = next(
                (d for d in gc.get_referrers(holder) if isinstance(d, dict) and _key(d, holder)),
                None,
            )
            if outer is not None and (name := _owner_name(outer, _key(outer, holder))):
                return f"an element of {name}"
        if isinstance(holder, dict) and (key := _key(holder, tensor)):
            name = _owner_name(holder, key)
            if name:
                return name
        elif not isinstance(holder, (type, TensorBase)) and hasattr(holder, "__dict__"):
            key = _key(vars(holder), tensor)
            if key:
                return f"'{key}' of {type(holder).__name__}"
    frame: Any = sys._getframe(1)
    while frame is not None:
        if not frame.f_globals.get("__name__", "").startswith("flambeau."):
            for key, value in frame.f_locals.items():
                if value is tensor:
                    return f"the variable '{key}'"
        frame = frame.f_back
    return None


def _key(mapping: dict[Any, Any], value: Any) -> str | None:
    for key, held in list(mapping.items()):
        if held is value and isinstance(key, str):
            return key
    return None


def _owner_name(mapping: dict[Any, Any], key: str | None) -> str | None:
    if "__name__" in mapping and "__builtins__" in mapping:
        return f"the variable '{key}'"
    for owner in gc.get_referrers(mapping):
        if getattr(owner, "__dict__", None) is mapping and not isinstance(
            owner, (type, TensorBase)
        ):
            return f"'{key}' of {type(owner).__name__}"
    return None
