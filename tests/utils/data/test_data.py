"""Datasets, samplers and the loader, beside PyTorch's on the same data."""

from __future__ import annotations

import collections
import threading
from typing import Any

import numpy as np
import pytest

import flambeau
import flambeau.utils.data
from tests.oracle import assert_close, torch

Point = collections.namedtuple("Point", "x y")
BOTH = pytest.mark.parametrize("lib", [flambeau, torch], ids=["flambeau", "torch"])


def plain(value: Any) -> Any:
    """A batch as Python numbers, with the types of containers and the dtypes kept."""
    if hasattr(value, "tolist"):
        return str(value.dtype), value.tolist()
    if isinstance(value, dict):
        return {key: plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value).__name__, [plain(entry) for entry in value]
    return value


def same(make: Any) -> Any:
    """What `make(library)` gives with flambeau, asserted to be what it gives with torch."""
    ours = plain(make(flambeau))
    assert ours == plain(make(torch))
    return ours


@pytest.mark.parametrize("options", [{}, {"drop_last": True}, {"batch_size": None}], ids=str)
@pytest.mark.parametrize("workers", [0, 2])
def test_batches_of_tensors_and_arrays(options: dict[str, Any], workers: int) -> None:
    def make(lib: Any) -> Any:
        numbers = workers if lib is flambeau else 0
        data = lib.utils.data.TensorDataset(lib.arange(10).reshape(5, 2), lib.arange(5.0))
        chosen = {"batch_size": 2, "num_workers": numbers, **options}
        return list(lib.utils.data.DataLoader(data, **chosen))

    assert len(same(make)[1]) in (2, 3, 5)


@pytest.mark.parametrize(
    "samples",
    [
        [1, 2],
        [1.5, 2.5],
        [True, False],
        ["a", "b"],
        [np.ones((2, 3), np.float32), np.zeros((2, 3), np.float32)],
        [np.float32(1), np.float32(2)],
        [{"x": 1, "y": [2.0, 3.0]}, {"x": 4, "y": [5.0, 6.0]}],
        [(1, "a"), (2, "b")],
        [Point(1, 2.0), Point(3, 4.0)],
    ],
    ids=lambda samples: type(samples[0]).__name__,
)
def test_collate(samples: list[Any]) -> None:
    same(lambda lib: lib.utils.data.default_collate(samples))


@BOTH
def test_what_cannot_be_collated(lib: Any) -> None:
    with pytest.raises(TypeError, match="default_collate: batch must contain tensors"):
        lib.utils.data.default_collate([object(), object()])
    with pytest.raises(RuntimeError, match="each element in list of batch should be of equal size"):
        lib.utils.data.default_collate([[1, 2], [3]])


@BOTH
def test_shuffling_gives_every_sample_once_and_anew(lib: Any) -> None:
    generator = lib.Generator().manual_seed(3)
    loader = lib.utils.data.DataLoader(
        range(20), batch_size=6, shuffle=True, drop_last=False, generator=generator
    )
    assert len(loader) == 4
    first, second = (lib.cat(list(loader)).tolist() for _ in range(2))
    assert sorted(first) == sorted(second) == list(range(20))
    assert first != second
    generator.manual_seed(3)
    assert lib.cat(list(loader)).tolist() == first


@BOTH
def test_splitting(lib: Any) -> None:
    data = lib.utils.data
    parts = data.random_split(range(10), [0.5, 0.25, 0.25])
    assert [len(part) for part in parts] == [6, 2, 2]
    assert sorted(i for part in parts for i in part) == list(range(10))
    assert [len(part) for part in data.random_split(range(10), [7, 3])] == [7, 3]
    with pytest.raises(ValueError, match="Sum of input lengths"):
        data.random_split(range(10), [7, 4])


@BOTH
def test_joining(lib: Any) -> None:
    data = lib.utils.data
    a, b = (data.TensorDataset(lib.arange(n)) for n in (3, 2))
    joined = a + b
    assert (len(joined), joined[3][0].item(), joined[-1][0].item()) == (5, 0, 1)
    with pytest.raises(ValueError, match="absolute value of index"):
        joined[-6]
    assert data.Subset(a, [2, 0])[0][0].item() == 2
    assert data.StackDataset(x=a, y=a)[1]["y"][0].item() == 1


@BOTH
def test_samplers(lib: Any) -> None:
    data = lib.utils.data
    assert list(data.BatchSampler(data.SequentialSampler(range(5)), 2, True)) == [[0, 1], [2, 3]]
    assert sorted(data.SubsetRandomSampler([4, 7, 9])) == [4, 7, 9]
    drawn = list(data.RandomSampler(range(3), replacement=True, num_samples=50))
    assert set(drawn) == {0, 1, 2}
    longer = list(data.RandomSampler(range(3), num_samples=7))
    assert sorted(longer[:3]) == sorted(longer[3:6]) == [0, 1, 2]
    weighted = list(data.WeightedRandomSampler([0.0, 1.0, 1.0], 40))
    assert set(weighted) == {1, 2}


@BOTH
@pytest.mark.parametrize(
    "options",
    [
        {"shuffle": True, "sampler": [0]},
        {"batch_sampler": [[0]], "batch_size": 2},
        {"batch_size": None, "drop_last": True},
        {"num_workers": -1},
        {"timeout": -1},
        {"prefetch_factor": 2},
        {"persistent_workers": True},
        {"batch_size": 0},
    ],
    ids=str,
)
def test_arguments_that_exclude_each_other(lib: Any, options: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        lib.utils.data.DataLoader(range(3), **options)


class Counting(flambeau.utils.data.IterableDataset):
    """A stream that its workers share out among themselves."""

    def __init__(self, n: int) -> None:
        self.n = n

    def __iter__(self):
        info = flambeau.utils.data.get_worker_info()
        first, step = (0, 1) if info is None else (info.id, info.num_workers)
        return iter(range(first, self.n, step))


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_streams(workers: int) -> None:
    loader = flambeau.utils.data.DataLoader(Counting(11), batch_size=2, num_workers=workers)
    assert sorted(i for batch in loader for i in batch.tolist()) == list(range(11))


class Watched(flambeau.utils.data.Dataset):
    def __len__(self) -> int:
        return 12

    def __getitem__(self, index: int) -> Any:
        if index == 9:
            raise KeyError("sample 9 is broken")
        info = flambeau.utils.data.get_worker_info()
        return index, -1 if info is None else info.id, threading.get_ident()


def test_workers_keep_the_order_and_pass_errors_on() -> None:
    started: list[int] = []
    loader = flambeau.utils.data.DataLoader(
        Watched(), batch_size=2, num_workers=2, worker_init_fn=started.append
    )
    found = []
    with pytest.raises(KeyError, match="sample 9 is broken"):
        for index, worker, thread in loader:
            found.append((index.tolist(), worker.tolist()))
            assert threading.get_ident() not in thread.tolist()
    assert found == [
        ([0, 1], [0, 0]),
        ([2, 3], [1, 1]),
        ([4, 5], [0, 0]),
        ([6, 7], [1, 1]),
    ]
    assert sorted(started) == [0, 1]
    assert flambeau.utils.data.get_worker_info() is None


def test_batches_of_a_tensor_dataset_are_what_collating_gives() -> None:
    data = flambeau.utils.data.TensorDataset(flambeau.randn(6, 2), flambeau.arange(6))
    batched = next(iter(flambeau.utils.data.DataLoader(data, batch_size=4)))
    collated = flambeau.utils.data.default_collate([data[i] for i in range(4)])
    assert type(batched) is type(collated)
    assert_close(
        batched,
        [torch.from_numpy(np.array(part.tolist())) for part in collated],
        check_dtype=False,
        rtol=1e-6,
    )
