"""Wrappers for several devices or processes, as far as one of each goes."""

from flambeau.nn.parallel import distributed
from flambeau.nn.parallel.data_parallel import DataParallel, data_parallel
from flambeau.nn.parallel.distributed import DistributedDataParallel

__all__ = ["DataParallel", "DistributedDataParallel", "data_parallel", "distributed"]
