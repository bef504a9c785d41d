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


def test_hyperparameters(tmp_path):
    from flambeau.utils.tensorboard import SummaryWriter

    with SummaryWriter(tmp_path) as writer:
        metrics = {"accuracy": flambeau.tensor(0.75)}
        writer.add_hparams({"lr": 0.5, "deep": True}, metrics, run_name="a", global_step=4)
    found = events(tmp_path / "a")
    assert [(s, v.simple_value) for s, v in found if v.tag == "accuracy"] == [(4, 0.75)]
    assert any(v.metadata.plugin_data.plugin_name == "hparams" for _, v in found)


def test_embeddings(tmp_path):
    from flambeau.utils.tensorboard import SummaryWriter

    with SummaryWriter(tmp_path) as writer:
        mat = flambeau.tensor([[1.0, 2.0], [3.0, 4.0]])
        writer.add_embedding(mat, ["a", "b"], flambeau.rand(2, 3, 4, 4), 7)
    (config,) = tmp_path.glob("projector_config.pbtxt")
    assert 'tensor_name: "default:00007"' in config.read_text()
    assert (tmp_path / "00007" / "default" / "tensors.tsv").read_text() == "1.0\t2.0\n3.0\t4.0\n"
    assert (tmp_path / "00007" / "default" / "metadata.tsv").read_text() == "a\nb\n"
    assert (tmp_path / "00007" / "default" / "sprite.png").stat().st_size > 50


def test_meshes_and_layouts(tmp_path):
    from flambeau.utils.tensorboard import SummaryWriter

    with SummaryWriter(tmp_path) as writer:
        colors = flambeau.zeros(1, 4, 3, dtype=flambeau.uint8)
        writer.add_mesh("m", flambeau.rand(1, 4, 3), colors, flambeau.tensor([[[0, 1, 2]]]))
        writer.add_custom_scalars({"loss": {"both": ["Multiline", ["train", "test"]]}})
    tags = [v.tag for _, v in events(tmp_path)]
    assert {"m_1", "m_2", "m_3"} <= set(tags)
    assert "custom_scalars__config__" in tags


@pytest.mark.parametrize(
    ("method", "package"), [("add_audio", "soundfile"), ("add_video", "moviepy")]
)
def test_a_missing_encoder_is_told(tmp_path, monkeypatch, method, package):
    import importlib.util

    from flambeau.utils.tensorboard import SummaryWriter

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with SummaryWriter(tmp_path) as writer, pytest.raises(ModuleNotFoundError, match=package):
        getattr(writer, method)("x", flambeau.zeros(1, 2, 3, 4, 4))
