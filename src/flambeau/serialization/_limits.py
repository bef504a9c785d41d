"""What a file may ask for before it is taken for hostile."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Limits"]

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on what reading a checkpoint may cost.

    The defaults leave honest files of any size alone. A file from a trusted source that
    meets one can be read with a larger value: ``load(f, limits=Limits(max_depth=1000))``.

    Args:
        max_depth: how deep containers may nest.
        max_opcodes: pickle opcodes in one stream.
        max_pickle_bytes: length of one pickle stream.
        max_containers: containers in one stream, besides one for every eight bytes of it.
        max_stack: values waiting on the pickle stack.
        max_integer_bytes: length of one integer.
        max_dims: dimensions of a tensor.
        max_nodes: values of the whole object, a shared one counted at each place.
        max_entries: entries of a zip file or tensors of a safetensors file.
        max_header_bytes: length of a safetensors header or of a JSON index.
        max_compression: bytes that one byte of a compressed zip entry may become.
        max_expanded_bytes: bytes that overlapping views (``expand``) may claim beyond
            their storages, besides eight times the file's size.
    """

    max_depth: int = 200
    max_opcodes: int = 20_000_000
    max_pickle_bytes: int = 512 * MIB
    max_containers: int = 100_000
    max_stack: int = 4_000_000
    max_integer_bytes: int = 1024
    max_dims: int = 64
    max_nodes: int = 20_000_000
    max_entries: int = 2_000_000
    max_header_bytes: int = 100 * 1000 * 1000
    max_compression: int = 200
    max_expanded_bytes: int = 16 * MIB


DEFAULT_LIMITS = Limits()
