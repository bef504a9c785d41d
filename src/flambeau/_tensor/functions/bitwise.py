"""Operations on bits: the public functions over :mod:`flambeau._ops.bitwise`."""

from __future__ import annotations

from flambeau._ops import bitwise as rows
from flambeau._tensor.dispatch import public

bitwise_not = public(rows.bitwise_not)
bitwise_and = public(rows.bitwise_and)
bitwise_or = public(rows.bitwise_or)
bitwise_xor = public(rows.bitwise_xor)
bitwise_left_shift = public(rows.bitwise_left_shift)
bitwise_right_shift = public(rows.bitwise_right_shift)
