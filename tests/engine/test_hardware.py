"""What is known of the processor."""

import platform
from pathlib import Path

import pytest

import flambeau
from flambeau._engine import disk, hardware, products, xla
from flambeau._engine.device import CPU

INTEL = """processor\t: 0
model name\t: Some Processor @ 2.00GHz
flags\t\t: fpu sse4_2 avx2 {more}
bugs\t\t:

processor\t: 1
model name\t: Another one
flags\t\t: fpu
"""
ARM = """processor\t: 0
Features\t: fp asimd sve
"""


@pytest.fixture
def system(monkeypatch):
    """Set what the system says of its processor; None for one that says nothing."""

    def clear():
        for known in (hardware._facts, hardware.features, disk._hardware):
            known.cache_clear()

    def says(words):
        def read(self, **encoding):
            if words is None:
                raise FileNotFoundError(str(self))
            return words

        monkeypatch.setattr(Path, "read_text", read)
        clear()

    yield says
    monkeypatch.undo()
    clear()


def test_features_are_those_of_the_first_processor(system):
    system(INTEL.format(more="avx512f"))
    assert hardware.features() == {"fpu", "sse4_2", "avx2", "avx512f"}
    assert hardware.processor() == f"{platform.machine()} Some Processor @ 2.00GHz avx512f"
    assert not hardware.wide_vectors()


def test_other_architectures_name_them_otherwise(system):
    system(ARM)
    assert hardware.features() == {"fp", "asimd", "sve"}
    assert hardware.processor() == platform.machine()


def test_capabilities_are_told_from_them(system):
    system(INTEL.format(more="avx512f"))
    told = flambeau.cpu.get_capabilities()
    assert told["avx2"] is told["avx512f"] is True
    assert told["amx_tile"] is told["sve"] is False


def test_a_system_that_tells_no_more_than_a_name(system, monkeypatch):
    monkeypatch.setattr(platform, "processor", lambda: "Family 6 Model 158")
    system(None)
    assert hardware.features() == set()
    assert hardware.processor() == f"{platform.machine()} Family 6 Model 158"
    assert not hardware.wide_vectors()


def test_wide_vectors_are_used_where_they_are_no_slower(system):
    name = "xla_cpu_prefer_vector_width"
    system(INTEL.format(more="avx512f"))
    assert name not in xla.options(CPU)
    system(INTEL.format(more="avx512f avx512_fp16"))
    assert xla.options(CPU)[name] == xla.options(CPU, "small")[name] == 512


def test_programs_on_disk_are_for_one_processor(system, monkeypatch, tmp_path):
    monkeypatch.setattr(disk.config, "cache_dir", tmp_path)
    keys = set()
    for words in (INTEL.format(more=""), INTEL.format(more="avx512f"), ARM, None, None):
        monkeypatch.setattr(platform, "processor", lambda: f"Model {len(keys)}")
        system(words)
        keys.add(disk.program_key("a graph", CPU))
    assert len(keys) == 5


def test_wide_vectors_leave_products_to_ynnpack(system):
    system(INTEL.format(more="avx512_fp16"))

    class NotLookedAt:
        """A layout whose steps no one may ask for."""

    assert products.suit_eigen(NotLookedAt()) is False
