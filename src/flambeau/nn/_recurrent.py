"""The recurrent rows as functions of tensors."""

from __future__ import annotations

from typing import Any

from flambeau._ops import indexing, joining, nn_rnn, shape
from flambeau._tensor.dispatch import public

cat: Any = public(joining.cat)
stack: Any = public(joining.stack)
index_select: Any = public(indexing.index_select)
flip: Any = public(joining.flip)
reshape: Any = public(shape.reshape)

rnn_layer: Any = public(nn_rnn.rnn_layer)
lstm_layer: Any = public(nn_rnn.lstm_layer)
gru_layer: Any = public(nn_rnn.gru_layer)
rnn_cell: Any = public(nn_rnn.rnn_cell)
lstm_cell: Any = public(nn_rnn.lstm_cell)
gru_cell: Any = public(nn_rnn.gru_cell)
