"""What SummaryWriter writes, read back from the event file."""

from __future__ import annotations

from pathlib import Path

import pytest

import flambeau
from flambeau import nn

pytest.importorskip("tensorboardX")


def events(folder):
    from tensorboardX.proto.event_pb2 import Event

    found = []
    for path in sorted(Path(folder).glob("events*")):
        data, at = path.read_bytes(), 0
        while at < len(data):  # length, its checksum, the event, its checksum
            size = int.from_bytes(data[at : at + 8], "little")
            found.append(Event.FromString(data[at + 12 : at + 12 + size]))
            at += 16 + size
    return [(e.step, v) for e in found for v in e.summary.value]


def test_it_takes_tensors(tmp_path):
    from flambeau.utils.tensorboard import SummaryWriter

    with SummaryWriter(tmp_path) as writer:
        assert writer.log_dir == str(tmp_path)
        writer.add_scalar("loss", flambeau.tensor(0.5), 3)
        writer.add_histogram("w", flambeau.arange(8, dtype=flambeau.bfloat16), 3)
        writer.add_image("img", flambeau.rand(3, 4, 5), 1)
        writer.add_figure("fig", flambeau.plot.tree(nn.ReLU()))
        writer.add_graph(nn.Linear(2, 3), flambeau.ones(1, 2))
        writer.flush()
    by_tag = {v.tag: (step, v) for step, v in events(tmp_path)}
    assert by_tag["loss"][0] == 3
    assert by_tag["loss"][1].simple_value == 0.5
    assert by_tag["w"][1].histo.num == 8
    assert by_tag["w"][1].histo.max == 7
    assert (by_tag["img"][1].image.height, by_tag["img"][1].image.width) == (4, 5)
    assert by_tag["fig"][1].image.height > 10
    assert b"in_features=2" in by_tag["model/text_summary"][1].tensor.string_val[0]
