"""The methods of Tensor, a mixin per family."""

from __future__ import annotations

from flambeau._tensor.methods.arithmetic import ArithmeticMethods
from flambeau._tensor.methods.bitwise import BitwiseMethods
from flambeau._tensor.methods.casts import CastMethods
from flambeau._tensor.methods.comparison import ComparisonMethods
from flambeau._tensor.methods.creation import CreationMethods
from flambeau._tensor.methods.indexing import IndexingMethods
from flambeau._tensor.methods.matmul import MatmulMethods
from flambeau._tensor.methods.memory import MemoryMethods
from flambeau._tensor.methods.pointwise import PointwiseMethods
from flambeau._tensor.methods.random import RandomMethods
from flambeau._tensor.methods.reductions import ReductionMethods
from flambeau._tensor.methods.shape import ShapeMethods


class Methods(
    ArithmeticMethods,
    BitwiseMethods,
    CastMethods,
    ComparisonMethods,
    CreationMethods,
    IndexingMethods,
    MatmulMethods,
    MemoryMethods,
    PointwiseMethods,
    RandomMethods,
    ReductionMethods,
    ShapeMethods,
):
    """All families of methods together: a family adds its mixin to the bases."""
