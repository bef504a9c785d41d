"""Recurrent layers and their cells."""

from __future__ import annotations

import math
import numbers
import warnings
from typing import Any

from flambeau.nn import _core, _recurrent, init
from flambeau.nn import functional as F
from flambeau.nn.module import Module
from flambeau.nn.parameter import Parameter
from flambeau.nn.utils.rnn import PackedSequence, layout_of

__all__ = ["GRU", "GRUCell", "LSTM", "LSTMCell", "RNN", "RNNBase", "RNNCell", "RNNCellBase"]

_GATES = {"LSTM": 4, "GRU": 3, "RNN_TANH": 1, "RNN_RELU": 1}


class RNNBase(Module):
    """What the recurrent layers share: sizes, parameters, and the walk over the layers.

    Args:
        mode: ``"LSTM"``, ``"GRU"``, ``"RNN_TANH"`` or ``"RNN_RELU"``.
        input_size: features of the input.
        hidden_size: features of the state.
        num_layers: how many layers, each on the output of the one before.
        bias: whether there are biases.
        batch_first: whether input and output are ``(N, T, *)`` rather than ``(T, N, *)``.
        dropout: probability of dropping between layers.
        bidirectional: whether each layer also runs backwards.
        proj_size: features that the state is projected to (LSTM only); 0 for none.
        device: where the parameters live.
        dtype: their dtype.

    Raises:
        TypeError: ``hidden_size`` is no int.
        ValueError: a size, a probability or a mode does not make sense.

    Follows ``torch.nn.RNNBase``.
    """

    mode: str
    input_size: int
    hidden_size: int
    num_layers: int
    bias: bool
    batch_first: bool
    dropout: float
    bidirectional: bool
    proj_size: int

    def __init__(
        self,
        mode: str,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.mode = mode
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.bias = bias
        self.batch_first = batch_first
        self.dropout = float(dropout)
        self.bidirectional = bidirectional
        self.proj_size = proj_size
        self._check_sizes(dropout)
        self._all_weights = self._make_weights({"device": device, "dtype": dtype})
        self.reset_parameters()

    def _check_sizes(self, dropout: Any) -> None:
        if (
            not isinstance(dropout, numbers.Number)
            or not 0 <= dropout <= 1  # type: ignore[operator]
            or isinstance(dropout, bool)
        ):
            raise ValueError(
                "dropout should be a number in range [0, 1] "
                "representing the probability of an element being "
                "zeroed"
            )
        if dropout > 0 and self.num_layers == 1:  # type: ignore[operator]
            warnings.warn(
                "dropout option adds dropout after all but last recurrent layer, so non-zero "
                f"dropout expects num_layers greater than 1, but got dropout={dropout} and "
                f"num_layers={self.num_layers}",
                stacklevel=4,
            )
        if not isinstance(self.hidden_size, int):
            raise TypeError(
                f"hidden_size should be of type int, got: {type(self.hidden_size).__name__}"
            )
        if self.hidden_size <= 0:
            raise ValueError("hidden_size must be greater than zero")
        if self.num_layers <= 0:
            raise ValueError("num_layers must be greater than zero")
        if self.proj_size < 0:
            raise ValueError(
                "proj_size should be a positive integer or zero to disable projections"
            )
        if self.proj_size >= self.hidden_size:
            raise ValueError("proj_size has to be smaller than hidden_size")
        if self.mode not in _GATES:
            raise ValueError("Unrecognized RNN mode: " + self.mode)

    def _make_weights(self, where: dict[str, Any]) -> list[list[str]]:
        """Create the parameters; their names, layer by layer and direction by direction."""
        gates = _GATES[self.mode] * self.hidden_size
        directions = 2 if self.bidirectional else 1
        state = self.proj_size or self.hidden_size
        names = []
        for layer in range(self.num_layers):
            width = self.input_size if layer == 0 else state * directions
            for suffix in ("", "_reverse")[:directions]:
                shapes: dict[str, tuple[int, ...]] = {
                    "weight_ih": (gates, width),
                    "weight_hh": (gates, state),
                }
                if self.bias:
                    shapes |= {"bias_ih": (gates,), "bias_hh": (gates,)}
                if self.proj_size:
                    shapes["weight_hr"] = (self.proj_size, self.hidden_size)
                own = []
                for kind, shape in shapes.items():
                    name = f"{kind}_l{layer}{suffix}"
                    setattr(self, name, Parameter(_core.empty(shape, **where)))
                    own.append(name)
                names.append(own)
        return names

    @property
    def _flat_weights_names(self) -> list[str]:
        return [name for names in self._all_weights for name in names]

    @property
    def _flat_weights(self) -> list[Any]:
        return [getattr(self, name) for name in self._flat_weights_names]

    @property
    def all_weights(self) -> list[list[Any]]:
        """The parameters, one list per layer and direction."""
        return [[getattr(self, name) for name in names] for names in self._all_weights]

    def flatten_parameters(self) -> None:
        """Accepted for programs that call it: XLA lays parameters out as it likes."""

    def reset_parameters(self) -> None:
        """Draw the parameters anew."""
        bound = 1.0 / math.sqrt(self.hidden_size) if self.hidden_size > 0 else 0
        for weight in self.parameters():
            init.uniform_(weight, -bound, bound)

    def extra_repr(self) -> str:
        """The sizes and what differs from the defaults."""
        parts = [f"{self.input_size}, {self.hidden_size}"]
        if self.proj_size != 0:
            parts.append(f"proj_size={self.proj_size}")
        if self.num_layers != 1:
            parts.append(f"num_layers={self.num_layers}")
        if self.bias is not True:
            parts.append(f"bias={self.bias}")
        if self.batch_first is not False:
            parts.append(f"batch_first={self.batch_first}")
        if self.dropout != 0:
            parts.append(f"dropout={self.dropout}")
        if self.bidirectional is not False:
            parts.append(f"bidirectional={self.bidirectional}")
        return ", ".join(parts)

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take a pickled state; old ones have no ``proj_size``."""
        super().__setstate__(state)
        self.__dict__.setdefault("proj_size", 0)

    def check_input(self, input: Any, batch_sizes: Any) -> None:
        """Refuse an input of the wrong rank, width or dtype."""
        ndim = 2 if batch_sizes is not None else 3
        weight = getattr(self, self._all_weights[0][0])
        if input.dtype != weight.dtype:
            raise ValueError(
                f"RNN input dtype ({input.dtype}) does not match weight dtype ({weight.dtype}). "
                f"Convert input: input.to({weight.dtype}), or convert model: "
                f"model.to({input.dtype})"
            )
        if input.dim() != ndim:
            raise RuntimeError(f"input must have {ndim} dimensions, got {input.dim()}")
        if self.input_size != input.size(-1):
            raise RuntimeError(
                "input.size(-1) must be equal to input_size. "
                f"Expected {self.input_size}, got {input.size(-1)}"
            )

    def get_expected_hidden_size(self, input: Any, batch_sizes: Any) -> tuple[int, int, int]:
        """The shape of the hidden state for an input."""
        if batch_sizes is not None:
            batch = layout_of(batch_sizes).batch
        else:
            batch = input.size(0) if self.batch_first else input.size(1)
        directions = 2 if self.bidirectional else 1
        return self.num_layers * directions, batch, self.proj_size or self.hidden_size

    def check_hidden_size(
        self, hx: Any, expected_hidden_size: Any, msg: str = "Expected hidden size {}, got {}"
    ) -> None:
        """Refuse a hidden state of the wrong shape."""
        if tuple(hx.shape) != tuple(expected_hidden_size):
            raise RuntimeError(msg.format(expected_hidden_size, list(hx.size())))

    def check_forward_args(self, input: Any, hidden: Any, batch_sizes: Any) -> None:
        """Refuse an input or a hidden state that does not fit."""
        self.check_input(input, batch_sizes)
        self.check_hidden_size(hidden, self.get_expected_hidden_size(input, batch_sizes))

    def permute_hidden(self, hx: Any, permutation: Any) -> Any:
        """Reorder the batch of a hidden state."""
        return hx if permutation is None else _recurrent.index_select(hx, 1, permutation)

    def _forward(self, input: Any, states: tuple[Any, ...] | None) -> tuple[Any, tuple[Any, ...]]:
        """Output and final states; packed, unbatched and batched input alike."""
        if isinstance(input, PackedSequence):
            return self._forward_packed(input, states)
        if input.dim() not in (2, 3):
            raise ValueError(
                f"{self._kind()}: Expected input to be 2D or 3D, got {input.dim()}D instead"
            )
        batched = input.dim() == 3
        states = self._states_of_rank(states, batched)
        time = 1 if self.batch_first else 0
        if not batched:
            input = input.unsqueeze(1 - time)
        states = self._checked_states(input, states, None)
        x = input.transpose(0, 1) if self.batch_first else input
        output, finals = self._walk(x, states, None)
        if self.batch_first:
            output = output.transpose(0, 1)
        if not batched:
            output = output.squeeze(1 - time)
            finals = tuple(s.squeeze(1) for s in finals)
        return output, finals

    def _forward_packed(
        self, input: PackedSequence, states: tuple[Any, ...] | None
    ) -> tuple[PackedSequence, tuple[Any, ...]]:
        data, batch_sizes, order, back = input
        if states is not None:
            states = tuple(self.permute_hidden(s, order) for s in states)
        states = self._checked_states(data, states, batch_sizes)
        where = layout_of(batch_sizes)
        lengths = _core.host_tensor(where.lengths, data.device)
        output, finals = self._walk(where.padded(data), states, lengths)
        packed = PackedSequence(where.pack(output), batch_sizes, order, back)
        return packed, tuple(self.permute_hidden(s, back) for s in finals)

    def _kind(self) -> str:
        return self.mode.partition("_")[0]

    def _states_of_rank(
        self, states: tuple[Any, ...] | None, batched: bool
    ) -> tuple[Any, ...] | None:
        if states is None:
            return None
        want = 3 if batched else 2
        if any(s.dim() != want for s in states):
            kind = "batched 3-D" if batched else "unbatched 2-D"
            if len(states) == 1:
                got = f"hx should also be {want}-D but got {states[0].dim()}-D tensor"
            else:
                ranks = ", ".join(f"{s.dim()}-D" for s in states)
                got = f"hx and cx should also be {want}-D but got ({ranks}) tensors"
            raise RuntimeError(f"For {kind} input, {got}")
        return states if batched else tuple(s.unsqueeze(1) for s in states)

    def _checked_states(
        self, input: Any, states: tuple[Any, ...] | None, batch_sizes: Any
    ) -> tuple[Any, ...]:
        """The states to start with: zeros unless given."""
        self.check_input(input, batch_sizes)
        layers, batch, width = self.get_expected_hidden_size(input, batch_sizes)
        widths = (width, self.hidden_size) if self.mode == "LSTM" else (width,)
        if states is None:
            where = {"dtype": input.dtype, "device": input.device}
            return tuple(_core.zeros((layers, batch, w), **where) for w in widths)
        msg = "Expected hidden size {}, got {}"
        for i, (state, w) in enumerate(zip(states, widths, strict=True)):
            if self.mode == "LSTM":
                msg = f"Expected hidden[{i}] size {{}}, got {{}}"
            self.check_hidden_size(state, (layers, batch, w), msg)
        return states

    def _walk(self, x: Any, states: tuple[Any, ...], lengths: Any) -> tuple[Any, tuple[Any, ...]]:
        """Layer after layer over ``(T, N, I)``."""
        directions = 2 if self.bidirectional else 1
        finals: list[list[Any]] = [[] for _ in states]
        for layer in range(self.num_layers):
            outputs = []
            for direction in range(directions):
                at = layer * directions + direction
                weights = {
                    name.rpartition("_l")[0]: getattr(self, name) for name in self._all_weights[at]
                }
                start = [s[at] for s in states]
                output, *ends = self._layer(x, start, weights, lengths, direction == 1)
                outputs.append(output)
                for collected, end in zip(finals, ends, strict=True):
                    collected.append(end)
            x = outputs[0] if directions == 1 else _recurrent.cat(outputs, -1)
            if self.dropout and self.training and layer < self.num_layers - 1:
                x = F.dropout(x, self.dropout, True)
        return x, tuple(_recurrent.stack(collected, 0) for collected in finals)

    def _layer(
        self, x: Any, start: list[Any], weights: dict[str, Any], lengths: Any, reverse: bool
    ) -> Any:
        w_ih, w_hh = weights["weight_ih"], weights["weight_hh"]
        b_ih, b_hh = weights.get("bias_ih"), weights.get("bias_hh")
        if self.mode == "LSTM":
            w_hr = weights.get("weight_hr")
            return _recurrent.lstm_layer(
                x, *start, w_ih, w_hh, b_ih, b_hh, w_hr, lengths, reverse=reverse
            )
        if self.mode == "GRU":
            return _recurrent.gru_layer(x, *start, w_ih, w_hh, b_ih, b_hh, lengths, reverse=reverse)
        bend = "tanh" if self.mode == "RNN_TANH" else "relu"
        return _recurrent.rnn_layer(
            x, *start, w_ih, w_hh, b_ih, b_hh, lengths, nonlinearity=bend, reverse=reverse
        )


class RNN(RNNBase):
    r"""An Elman network, :math:`h_t = \tanh(W_{ih} x_t + b_{ih} + W_{hh} h_{t-1} + b_{hh})`.

    Takes the arguments of :class:`RNNBase` but ``mode``, and ``nonlinearity``, ``"tanh"`` or
    ``"relu"``.

    Example:
        >>> import flambeau as torch
        >>> output, h = torch.nn.RNN(10, 20)(torch.randn(5, 3, 10))
        >>> output.shape, h.shape
        (torch.Size([5, 3, 20]), torch.Size([1, 3, 20]))

    Follows ``torch.nn.RNN``.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if "proj_size" in kwargs:
            raise ValueError("proj_size argument is only supported for LSTM, not RNN or GRU")
        if len(args) > 3:
            nonlinearity = args[3]
            args = args[:3] + args[4:]
        else:
            nonlinearity = kwargs.pop("nonlinearity", "tanh")
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(
                f"Unknown nonlinearity '{nonlinearity}'. Select from 'tanh' or 'relu'."
            )
        super().__init__(f"RNN_{nonlinearity.upper()}", *args, **kwargs)
        self.nonlinearity = nonlinearity

    def forward(self, input: Any, hx: Any = None) -> tuple[Any, Any]:
        """The states of the last layer at all times, and of all layers at the last time."""
        output, (h,) = self._forward(input, None if hx is None else (hx,))
        return output, h


class GRU(RNNBase):
    """Gated recurrent units.

    Takes the arguments of :class:`RNNBase` but ``mode``.

    Follows ``torch.nn.GRU``.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if "proj_size" in kwargs:
            raise ValueError("proj_size argument is only supported for LSTM, not RNN or GRU")
        super().__init__("GRU", *args, **kwargs)

    def forward(self, input: Any, hx: Any = None) -> tuple[Any, Any]:
        """The states of the last layer at all times, and of all layers at the last time."""
        output, (h,) = self._forward(input, None if hx is None else (hx,))
        return output, h


class LSTM(RNNBase):
    """Long short-term memory.

    Takes the arguments of :class:`RNNBase` but ``mode``.

    Example:
        >>> import flambeau as torch
        >>> output, (h, c) = torch.nn.LSTM(10, 20, num_layers=2)(torch.randn(5, 3, 10))
        >>> output.shape, h.shape, c.shape
        (torch.Size([5, 3, 20]), torch.Size([2, 3, 20]), torch.Size([2, 3, 20]))

    Follows ``torch.nn.LSTM``.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__("LSTM", *args, **kwargs)

    def forward(self, input: Any, hx: Any = None) -> tuple[Any, tuple[Any, Any]]:
        """The states of the last layer at all times, and ``(h, c)`` at the last time."""
        output, (h, c) = self._forward(input, None if hx is None else (hx[0], hx[1]))
        return output, (h, c)


class RNNCellBase(Module):
    """What the cells share: sizes and parameters.

    Args:
        input_size: features of the input.
        hidden_size: features of the state.
        bias: whether there are biases.
        num_chunks: how many gates.
        device: where the parameters live.
        dtype: their dtype.

    Follows ``torch.nn.RNNCellBase``.
    """

    weight_ih: Parameter
    weight_hh: Parameter
    bias_ih: Parameter | None
    bias_hh: Parameter | None

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool,
        num_chunks: int,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        where = {"device": device, "dtype": dtype}
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.bias = bias
        gates = num_chunks * hidden_size
        self.weight_ih = Parameter(_core.empty((gates, input_size), **where))
        self.weight_hh = Parameter(_core.empty((gates, hidden_size), **where))
        for name in ("bias_ih", "bias_hh"):
            self.register_parameter(
                name, Parameter(_core.empty((gates,), **where)) if bias else None
            )
        self.reset_parameters()

    def extra_repr(self) -> str:
        """The sizes and what differs from the defaults."""
        parts = [f"{self.input_size}, {self.hidden_size}"]
        if self.bias is not True:
            parts.append(f"bias={self.bias}")
        nonlinearity = self.__dict__.get("nonlinearity", "tanh")
        if nonlinearity != "tanh":
            parts.append(f"nonlinearity={nonlinearity}")
        return ", ".join(parts)

    def reset_parameters(self) -> None:
        """Draw the parameters anew."""
        bound = 1.0 / math.sqrt(self.hidden_size) if self.hidden_size > 0 else 0
        for weight in self.parameters():
            init.uniform_(weight, -bound, bound)

    def _checked(self, input: Any, states: Any) -> tuple[Any, list[Any], bool]:
        """Input and states with a batch dimension, and whether they had one."""
        name = type(self).__name__
        if input.dim() not in (1, 2):
            raise ValueError(f"{name}: Expected input to be 1D or 2D, got {input.dim()}D instead")
        for i, state in enumerate(states or ()):
            if state.dim() not in (1, 2):
                which = f"hx[{i}]" if len(states) > 1 else "hidden"
                raise ValueError(
                    f"{name}: Expected {which} to be 1D or 2D, got {state.dim()}D instead"
                )
        batched = input.dim() == 2
        if not batched:
            input = input.unsqueeze(0)
        if input.size(1) != self.input_size:
            raise RuntimeError(
                f"input has inconsistent input_size: got {input.size(1)} expected {self.input_size}"
            )
        count = 2 if isinstance(self, LSTMCell) else 1
        if states is None:
            shape = (input.size(0), self.hidden_size)
            where = {"dtype": input.dtype, "device": input.device}
            return input, [_core.zeros(shape, **where) for _ in range(count)], batched
        states = [s if batched else s.unsqueeze(0) for s in states]
        for i, state in enumerate(states):
            if state.size(0) != input.size(0):
                raise RuntimeError(
                    f"Input batch size {input.size(0)} doesn't match hidden{i} "
                    f"batch size {state.size(0)}"
                )
            if state.size(-1) != self.hidden_size:
                raise RuntimeError(
                    f"hidden{i} has inconsistent hidden_size: got {state.size(-1)}, "
                    f"expected {self.hidden_size}"
                )
        return input, states, batched

    def _weights(self) -> tuple[Any, ...]:
        return self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh


class RNNCell(RNNCellBase):
    """One step of an Elman network.

    Args:
        input_size: features of the input.
        hidden_size: features of the state.
        bias: whether there are biases.
        nonlinearity: ``"tanh"`` or ``"relu"``.
        device: where the parameters live.
        dtype: their dtype.

    Follows ``torch.nn.RNNCell``.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 1, device, dtype)
        self.nonlinearity = nonlinearity

    def forward(self, input: Any, hx: Any = None) -> Any:
        """The next state."""
        input, (h,), batched = self._checked(input, None if hx is None else (hx,))
        if self.nonlinearity not in ("tanh", "relu"):
            raise RuntimeError(f"Unknown nonlinearity: {self.nonlinearity}")
        new = _recurrent.rnn_cell(input, h, *self._weights(), nonlinearity=self.nonlinearity)
        return new if batched else new.squeeze(0)


class LSTMCell(RNNCellBase):
    """One step of long short-term memory.

    Args:
        input_size: features of the input.
        hidden_size: features of the state.
        bias: whether there are biases.
        device: where the parameters live.
        dtype: their dtype.

    Follows ``torch.nn.LSTMCell``.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 4, device, dtype)

    def forward(self, input: Any, hx: Any = None) -> tuple[Any, Any]:
        """The next ``(h, c)``."""
        input, (h, c), batched = self._checked(input, None if hx is None else tuple(hx))
        h, c = _recurrent.lstm_cell(input, h, c, *self._weights())
        return (h, c) if batched else (h.squeeze(0), c.squeeze(0))


class GRUCell(RNNCellBase):
    """One step of a gated recurrent unit.

    Args:
        input_size: features of the input.
        hidden_size: features of the state.
        bias: whether there are biases.
        device: where the parameters live.
        dtype: their dtype.

    Follows ``torch.nn.GRUCell``.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 3, device, dtype)

    def forward(self, input: Any, hx: Any = None) -> Any:
        """The next state."""
        input, (h,), batched = self._checked(input, None if hx is None else (hx,))
        new = _recurrent.gru_cell(input, h, *self._weights())
        return new if batched else new.squeeze(0)
