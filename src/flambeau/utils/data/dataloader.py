"""The loader: batches of a dataset, in order, made ahead by workers if asked for.

Workers are threads. A process forked after JAX has started its own threads may deadlock, and a
spawned one imports JAX again and sends every batch through a pipe; a thread shares memory, and
what loading costs (reading files, decoding, NumPy) mostly runs without the interpreter's lock.
What a dataset made of pure Python loses by it, it can win back by batching its own work in
`__getitems__`.
"""

from __future__ import annotations

import concurrent.futures
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from flambeau._tensor.functions.random import randint
from flambeau.utils.data.collate import default_collate, default_convert
from flambeau.utils.data.dataset import Dataset, IterableDataset, TensorDataset
from flambeau.utils.data.sampler import BatchSampler, RandomSampler, Sampler, SequentialSampler


@dataclass(frozen=True)
class WorkerInfo:
    """What a dataset learns of the worker that runs it.

    Attributes:
        id: which worker, from 0.
        num_workers: how many there are.
        seed: a seed of this worker's own.
        dataset: the dataset, shared by all workers.
    """

    id: int
    num_workers: int
    seed: int
    dataset: Any


class _Here(threading.local):
    worker: WorkerInfo | None = None


_here = _Here()


def get_worker_info() -> WorkerInfo | None:
    """The worker that runs this code; None outside a worker."""
    return _here.worker


class DataLoader:
    """Batches of a dataset. Follows `torch.utils.data.DataLoader`.

    Args:
        dataset: a map-style dataset (anything with `__getitem__` and `__len__`), or an
            `IterableDataset`.
        batch_size: samples per batch; None gives the samples themselves.
        shuffle: a new random order in every pass.
        sampler: gives the order instead.
        batch_sampler: gives lists of indices instead.
        num_workers: how many threads prepare batches ahead; 0 prepares each when it is due.
        collate_fn: makes a batch of a list of samples.
        pin_memory: accepted; arrays need no pinning here.
        drop_last: leave out a last batch that is not full.
        timeout: how many seconds to wait for a worker; 0 is forever.
        worker_init_fn: called with each worker's id as it starts.
        generator: where the random order comes from.
        prefetch_factor: batches that each worker prepares ahead, 2 by default.
        persistent_workers: accepted; a thread costs nothing to start.

    Raises:
        ValueError: arguments that exclude each other.
        RuntimeError: a worker took longer than `timeout`.

    Example:
        >>> import flambeau as torch
        >>> from flambeau.utils.data import DataLoader
        >>> for batch in DataLoader(range(5), batch_size=2):
        ...     print(batch)
        tensor([0, 1])
        tensor([2, 3])
        tensor([4])
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int | None = 1,
        shuffle: bool | None = None,
        sampler: Sampler[Any] | Iterable[Any] | None = None,
        batch_sampler: Iterable[list[Any]] | None = None,
        num_workers: int = 0,
        collate_fn: Callable[[list[Any]], Any] | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        timeout: float = 0,
        worker_init_fn: Callable[[int], None] | None = None,
        multiprocessing_context: Any = None,
        generator: Any = None,
        *,
        prefetch_factor: int | None = None,
        persistent_workers: bool = False,
        pin_memory_device: str = "",
        in_order: bool = True,
    ) -> None:
        streams = isinstance(dataset, IterableDataset)
        _check(num_workers, timeout, prefetch_factor, persistent_workers)
        if streams and shuffle not in (False, None):
            raise ValueError(
                "DataLoader with IterableDataset: expected unspecified shuffle option, "
                f"but got shuffle={shuffle}"
            )
        for name, given in (("sampler", sampler), ("batch_sampler", batch_sampler)):
            if streams and given is not None:
                raise ValueError(
                    f"DataLoader with IterableDataset: expected unspecified {name} option, "
                    f"but got {name}={given}"
                )
        if sampler is not None and shuffle:
            raise ValueError("sampler option is mutually exclusive with shuffle")
        if batch_sampler is not None:
            if batch_size != 1 or shuffle or sampler is not None or drop_last:
                raise ValueError(
                    "batch_sampler option is mutually exclusive with batch_size, shuffle, "
                    "sampler, and drop_last"
                )
            batch_size = None
        elif batch_size is None and drop_last:
            raise ValueError(
                "batch_size=None option disables auto-batching and is mutually exclusive with "
                "drop_last"
            )
        if sampler is None and not streams:
            sampler = (
                RandomSampler(dataset, generator=generator)
                if shuffle
                else SequentialSampler(dataset)
            )
        if batch_size is not None and batch_sampler is None and not streams:
            assert sampler is not None
            batch_sampler = BatchSampler(sampler, batch_size, drop_last)
        self.dataset = dataset
        self.batch_size = batch_size
        self.drop_last = drop_last
        self.sampler = sampler
        self.batch_sampler = batch_sampler
        self.num_workers = num_workers
        self.prefetch_factor = 2 if num_workers and prefetch_factor is None else prefetch_factor
        self.pin_memory = pin_memory
        self.pin_memory_device = pin_memory_device
        self.timeout = timeout
        self.worker_init_fn = worker_init_fn
        self.multiprocessing_context = multiprocessing_context
        self.generator = generator
        self.persistent_workers = persistent_workers
        self.in_order = in_order
        batched = batch_sampler is not None or batch_size is not None
        self.collate_fn: Callable[[Any], Any] = (
            collate_fn
            if collate_fn is not None
            else default_collate
            if batched
            else default_convert
        )

    def __len__(self) -> int:
        if not isinstance(self.dataset, IterableDataset):
            return len(self.batch_sampler if self.batch_sampler is not None else self.sampler)  # type: ignore[arg-type]
        n = len(self.dataset)  # type: ignore[arg-type]
        if self.batch_size is None:
            return n
        return n // self.batch_size if self.drop_last else -(-n // self.batch_size)

    def __iter__(self) -> Iterator[Any]:
        if isinstance(self.dataset, IterableDataset):
            return self._stream() if self.num_workers == 0 else self._streams_of_workers()
        keys = iter(self.batch_sampler if self.batch_sampler is not None else self.sampler)  # type: ignore[arg-type]
        return map(self._fetch, keys) if self.num_workers == 0 else self._ahead(keys)

    def _fetch(self, key: Any) -> Any:
        """The batch (or the sample, without batching) at `key`."""
        dataset: Any = self.dataset
        if self.batch_sampler is None:
            return self.collate_fn(dataset[key])
        if self.collate_fn is default_collate and type(dataset) is TensorDataset:
            return dataset.batch(key)
        together = getattr(dataset, "__getitems__", None)
        return self.collate_fn(together(key) if together else [dataset[i] for i in key])

    def _stream(self) -> Iterator[Any]:
        """Batches of an iterable dataset."""
        samples = iter(self.dataset)
        if self.batch_size is None:
            yield from map(self.collate_fn, samples)
            return
        batch = []
        for sample in samples:
            batch.append(sample)
            if len(batch) == self.batch_size:
                yield self.collate_fn(batch)
                batch = []
        if batch and not self.drop_last:
            yield self.collate_fn(batch)

    def _workers(self) -> list[WorkerInfo]:
        base = int(randint(0, 2**62, (), generator=self.generator).item())
        count = self.num_workers
        return [WorkerInfo(i, count, base + i, self.dataset) for i in range(count)]

    def _start(self, worker: WorkerInfo) -> None:
        """What a worker's thread does first."""
        _here.worker = worker
        if self.worker_init_fn is not None:
            self.worker_init_fn(worker.id)

    def _ahead(self, keys: Iterator[Any]) -> Iterator[Any]:
        """Batches in order, each prepared by the next worker in turn."""
        pools = [
            concurrent.futures.ThreadPoolExecutor(1, f"DataLoader-{w.id}", self._start, (w,))
            for w in self._workers()
        ]
        try:
            waiting: deque[concurrent.futures.Future[Any]] = deque()
            for i, key in enumerate(keys):
                waiting.append(pools[i % len(pools)].submit(self._fetch, key))
                if len(waiting) >= len(pools) * (self.prefetch_factor or 2):
                    yield self._result(waiting.popleft())
            while waiting:
                yield self._result(waiting.popleft())
        finally:
            for pool in pools:
                pool.shutdown(wait=False, cancel_futures=True)

    def _streams_of_workers(self) -> Iterator[Any]:
        """Batches of an iterable dataset, from each worker's own pass over it in turn."""
        ahead = self.prefetch_factor or 2
        ended = object()
        pools, streams, waiting = [], [], []
        for w in self._workers():
            pool = concurrent.futures.ThreadPoolExecutor(1, f"DataLoader-{w.id}", self._start, (w,))
            stream = self._stream()
            pools.append(pool)
            streams.append(stream)
            waiting.append(deque(pool.submit(next, stream, ended) for _ in range(ahead)))
        try:
            running = list(range(len(pools)))
            while running:
                for i in list(running):
                    batch = self._result(waiting[i].popleft())
                    if batch is ended:
                        running.remove(i)
                        continue
                    waiting[i].append(pools[i].submit(next, streams[i], ended))
                    yield batch
        finally:
            for pool in pools:
                pool.shutdown(wait=False, cancel_futures=True)

    def _result(self, future: concurrent.futures.Future[Any]) -> Any:
        try:
            return future.result(self.timeout or None)
        except concurrent.futures.TimeoutError:
            if future.done():
                raise
            raise RuntimeError(f"DataLoader timed out after {self.timeout} seconds") from None


def _check(workers: int, timeout: float, prefetch: int | None, persistent: bool) -> None:
    if workers < 0:
        raise ValueError(
            "num_workers option should be non-negative; use num_workers=0 to disable "
            "multiprocessing."
        )
    if timeout < 0:
        raise ValueError("timeout option should be non-negative")
    if workers == 0 and prefetch is not None:
        raise ValueError(
            "prefetch_factor option could only be specified in multiprocessing."
            "let num_workers > 0 to enable multiprocessing, otherwise set prefetch_factor to None."
        )
    if prefetch is not None and prefetch < 0:
        raise ValueError("prefetch_factor option should be non-negative")
    if persistent and workers == 0:
        raise ValueError("persistent_workers option needs num_workers > 0")


__all__ = ["DataLoader", "Dataset", "WorkerInfo", "get_worker_info"]
