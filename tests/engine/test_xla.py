"""What XLA is told when it compiles."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import flambeau as torch
from flambeau._engine import executor, program, xla
from flambeau._engine.device import CPU


@pytest.mark.parametrize("kind", ["", "small", "eigen"])
def test_the_options_are_known_to_this_xla(monkeypatch, kind):
    monkeypatch.setattr(xla, "_unknown", set())
    lowered = jax.jit(lambda x: x + 1).lower(1.0)
    compiled = xla.attempt(CPU, lambda o: lowered.compile(compiler_options=o), kind)
    assert (xla.options(CPU, kind) == xla.options(CPU)) is (kind == "")
    assert compiled(1.0) == 2.0
    assert xla._unknown == set()


def test_an_unknown_option_is_left_out_from_then_on(monkeypatch):
    monkeypatch.setattr(xla, "_unknown", set())
    monkeypatch.setitem(xla._OPTIONS["cpu"], "xla_cpu_make_it_fast", True)
    lowered = jax.jit(lambda x: x * 3).lower(1.0)
    seen = []

    def compile(options):
        seen.append(set(options))
        return lowered.compile(compiler_options=options)

    assert xla.attempt(CPU, compile)(2.0) == 6.0
    assert len(seen) == 2
    assert "xla_cpu_make_it_fast" in seen[0]
    assert seen[1] == seen[0] - {"xla_cpu_make_it_fast"}
    assert "xla_cpu_make_it_fast" not in xla.options(CPU)


def test_other_errors_of_the_compiler_are_told():
    def compile(options):
        raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: no room")

    with pytest.raises(jax.errors.JaxRuntimeError, match="no room"):
        xla.attempt(CPU, compile)


def test_what_the_user_says_of_an_option_stands(monkeypatch):
    name = "xla_cpu_copy_insertion_use_region_analysis"
    assert name in xla.options(CPU)
    monkeypatch.setenv("XLA_FLAGS", f"--{name}=false")
    assert name not in xla.options(CPU)


def test_compiled_programs_do_not_keep_places_in_the_source():
    lowered = jax.jit(lambda x: jnp.sin(x) * 2).lower(np.ones(5, np.float32))
    assert "sin" in lowered.compile().as_text().partition("op_name=")[2]
    lowered = jax.jit(lambda x: jnp.cos(x) * 2).lower(np.ones(5, np.float32))
    assert "metadata=" not in xla.without_places(lowered).compile().as_text()


def test_recorded_programs_are_compiled_without_places(monkeypatch):
    made = []
    inner = program.compile_graph

    def compile_graph(*args, **kwargs):
        made.append(inner(*args, **kwargs))
        return made[-1]

    monkeypatch.setattr(executor, "compile_graph", compile_graph)
    monkeypatch.setattr(executor, "_weather", executor._Weather())
    monkeypatch.setattr(program.config, "cache_dir", None)
    executor.begin()
    assert float((torch.arange(11.0) * 1.5 + 0.25).sum()) == 85.25
    assert made
    assert all("metadata=" not in each.compiled.as_text() for each in made)
