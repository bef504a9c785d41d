"""What flambeau can find wrong with a program: one row per code.

A code stands in warnings, in reports of the doctor and on the page ``docs/doctor.md``. Codes up
to 020 carry the numbers of the twenty mistakes that page lists; those above are for what the
doctor alone finds.
"""

from __future__ import annotations

from typing import NamedTuple

DOCS = "docs/doctor.md"
SEVERITIES = ("error", "warning", "hint")


class Code(NamedTuple):
    """One kind of finding.

    Attributes:
        code: ``FB`` and three digits.
        title: what is wrong, in a few words.
        severity: ``"error"`` (the program cannot do what it was meant to), ``"warning"`` (it
            most likely does not) or ``"hint"`` (it may, and often better otherwise).
        meaning: what follows from it.
        fix: what to write instead.
    """

    code: str
    title: str
    severity: str
    meaning: str
    fix: str

    @property
    def anchor(self) -> str:
        """Where the documentation explains it."""
        return f"{DOCS}#{self.code.lower()}"


_ROWS = (
    Code(
        "FB001",
        "modules or parameters in a plain container",
        "error",
        "What a list, tuple or dict holds is not registered: it is not in parameters(), so no "
        "optimizer made from them trains it, .to() does not move it, state_dict() leaves it out.",
        "Keep it in nn.ModuleList, nn.ModuleDict, nn.ParameterList or nn.ParameterDict.",
    ),
    Code(
        "FB002",
        "plain tensor attribute",
        "warning",
        "A tensor that is an attribute and neither parameter nor buffer stays behind when the "
        "module moves or changes its dtype, and is not saved.",
        "Register it: self.register_buffer('name', tensor), with persistent=False if it need not "
        "be saved.",
    ),
    Code(
        "FB003",
        "a parameter that became a plain tensor",
        "error",
        "nn.Parameter(x).to(...) computes a new tensor from the parameter. The tensor is not "
        "registered, and the parameter itself is lost, so nothing is trained.",
        "Convert first: nn.Parameter(x.to(...)).",
    ),
    Code(
        "FB006",
        "the optimizer holds a parameter that was replaced",
        "error",
        "The optimizer keeps updating a tensor that the model does not use any more, and does "
        "not have the one that took its place.",
        "Build the optimizer after the last change to the model, or hand the new parameter to "
        "optimizer.add_param_group().",
    ),
    Code(
        "FB007",
        "trainable parameter in no optimizer",
        "warning",
        "It gets gradients and is never updated.",
        "Hand it to the optimizer, or say that it is not trained: p.requires_grad_(False).",
    ),
    Code(
        "FB008",
        "no gradient",
        "warning",
        "No backward pass reached the parameter, so no step changes it.",
        "Use it in forward, remove it, or freeze it with p.requires_grad_(False); look for a "
        ".detach(), a no_grad() or an .item() between it and the loss.",
    ),
    Code(
        "FB009",
        "frozen parameter with a gradient or optimizer state left over",
        "warning",
        "flambeau's optimizers skip frozen parameters; other code that goes by .grad (PyTorch's "
        "optimizers, gradient clipping, norms) still acts on them, and the state takes memory.",
        "Set p.grad = None when freezing, and build the optimizer from the trainable parameters.",
    ),
    Code(
        "FB010",
        "statistics of a frozen module moved",
        "warning",
        "Running statistics are buffers: requires_grad has no say in them, and they move at "
        "every forward in training mode.",
        "Use flambeau.freeze(module), which holds through train(), or module.eval() after every "
        "model.train().",
    ),
    Code(
        "FB011",
        "a kept state dict is an alias",
        "warning",
        "state_dict() holds the model's own tensors, so it shows what they are now and not what "
        "they were when it was made.",
        "Keep a copy: flambeau.snapshot(model), or copy.deepcopy(model.state_dict()).",
    ),
    Code(
        "FB012",
        "keys of a state dict were skipped",
        "warning",
        "strict=False loads what matches and leaves the rest of the module as it was.",
        "Read the report; a common prefix can be removed from the keys.",
    ),
    Code(
        "FB015",
        ".grad of a tensor that is not a leaf",
        "warning",
        "Backward fills .grad of leaves only; that of a computed tensor stays None.",
        "Call t.retain_grad() before backward().",
    ),
    Code(
        "FB018",
        "history kept over several steps",
        "warning",
        "A tensor that requires a gradient keeps the whole graph it was computed by. Kept from "
        "step to step, memory grows and each step takes longer to collect.",
        "Keep loss.item() or loss.detach().",
    ),
    Code(
        "FB021",
        "parameter in two optimizers or groups",
        "warning",
        "It is updated more than once per step, with two states.",
        "Give each parameter to one group of one optimizer.",
    ),
    Code(
        "FB022",
        "parameter twice in one group",
        "error",
        "It is updated twice per step.",
        "Build the list without duplicates; model.parameters() gives a tied parameter once.",
    ),
    Code(
        "FB023",
        "buffer that requires a gradient",
        "warning",
        "Buffers are not in parameters(): it gets gradients, and no optimizer updates it.",
        "Make it an nn.Parameter, or drop the flag: buffer.requires_grad_(False).",
    ),
    Code(
        "FB024",
        "parameter that behaves like a buffer",
        "hint",
        "It requires no gradient and is written to during training, as running statistics are.",
        "Register it as a buffer: parameters() is what optimizers, freezing and counting go by.",
    ),
    Code(
        "FB025",
        "parameters of different dtypes",
        "warning",
        "Mixed floating point types promote or raise where they meet, and each takes another "
        "path through the program.",
        "Convert the whole model: model.to(dtype).",
    ),
    Code(
        "FB026",
        "parameters on different devices",
        "warning",
        "An operation takes its operands from one device.",
        "Move the whole model: model.to(device).",
    ),
    Code(
        "FB027",
        "weight decay on biases and norms",
        "hint",
        "Decay pulls scales and offsets to zero, where they do not belong; most recipes leave "
        "parameters of one dimension out.",
        "Make two groups, with weight_decay=0.0 for parameters of fewer than two dimensions.",
    ),
    Code(
        "FB028",
        "module never called",
        "warning",
        "Its forward did not run in any observed step.",
        "Call it in forward, or remove it.",
    ),
    Code(
        "FB029",
        "gradient is exactly zero",
        "warning",
        "Backward reaches the parameter, and every element of its gradient was zero in every "
        "observed step.",
        "Look for dead activations, a mask or a factor of zero, or saturation behind it.",
    ),
    Code(
        "FB030",
        "exploding gradients",
        "warning",
        "Gradients of some layers are many orders of magnitude above those of others, or grow "
        "from step to step.",
        "Lower the learning rate, clip (nn.utils.clip_grad_norm_), normalise, or scale the "
        "initialisation.",
    ),
    Code(
        "FB031",
        "vanishing gradients",
        "warning",
        "Gradients of some layers are many orders of magnitude below those of others: they "
        "hardly learn.",
        "Use residual connections, normalisation, another activation or initialisation.",
    ),
    Code(
        "FB032",
        "NaN or infinity",
        "error",
        "From the first value that is not finite on, everything computed from it is lost.",
        "Look at the module that is named: a logarithm or a division of zero, an overflow of "
        "exp or of float16, a learning rate too high.",
    ),
    Code(
        "FB033",
        "updates out of proportion to the weights",
        "warning",
        "A step that changes weights by a large part of their size forgets what they were; one "
        "below rounding changes nothing.",
        "Adjust the learning rate of this group; a ratio near 1e-3 is common.",
    ),
    Code(
        "FB034",
        "dead units",
        "warning",
        "Outputs that got no gradient in any observed step (ReLU at zero for every sample) do "
        "not learn any more.",
        "Lower the learning rate, initialise the bias otherwise, or use a leaky activation.",
    ),
    Code(
        "FB035",
        "frozen parameter moved",
        "error",
        "It requires no gradient and changed all the same.",
        "Look for code that writes to it: an optimizer of your own, weight averaging, .data.",
    ),
    Code(
        "FB036",
        "modules or parameters in a closure",
        "warning",
        "forward uses a module or parameter that is a variable around it and no attribute of "
        "the model: it is not registered.",
        "Assign it to the module in __init__.",
    ),
    Code(
        "FB037",
        "requires_grad_(True) on what is frozen",
        "warning",
        "flambeau.freeze holds until flambeau.unfreeze: the parameters still get no gradient. "
        "Their requires_grad is True once they are unfrozen.",
        "Call flambeau.unfreeze(module).",
    ),
)

CODES: dict[str, Code] = {row.code: row for row in _ROWS}
