# ruff: noqa: E501
"""Files that want to do harm, made here byte by byte."""

from __future__ import annotations

import io
import json
import struct
import zipfile
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np

CORPUS: dict[str, Callable[[], bytes]] = {}
"""Every file by name. What its pickle calls, if anything ever did, is :func:`canary`."""

CALL = b"ctests.serialization.hostile\ncanary\n"
fired: list[Any] = []


def canary(*args: Any, **kwargs: Any) -> None:
    """Notes that code ran."""
    fired.append(args)


class CanaryClass:
    """A class whose every way of being made, filled or dropped is noted."""

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        fired.append("new")
        return object.__new__(cls)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        fired.append("init")

    def __setstate__(self, state: Any) -> None:
        fired.append("setstate")

    def __reduce__(self) -> Any:
        fired.append("reduce")
        return (CanaryClass, ())

    def append(self, item: Any) -> None:
        fired.append("append")

    def __setitem__(self, key: Any, value: Any) -> None:
        fired.append("setitem")

    def __hash__(self) -> int:
        fired.append("hash")
        return 0

    def __eq__(self, other: object) -> bool:
        fired.append("eq")
        return True


CLASS = b"ctests.serialization.hostile\nCanaryClass\n"


def hostile(build: Callable[[], bytes]) -> Callable[[], bytes]:
    """Add a file to the corpus."""
    CORPUS[build.__name__] = build
    return build


def text(s: str) -> bytes:
    raw = s.encode()
    return b"X" + struct.pack("<I", len(raw)) + raw


def number(n: int) -> bytes:
    if 0 <= n < 256:
        return b"K" + bytes([n])
    raw = n.to_bytes(n.bit_length() // 8 + 1, "little", signed=True)
    return b"\x8a" + bytes([len(raw)]) + raw


def numbers(*values: int) -> bytes:
    return b"(" + b"".join(number(v) for v in values) + b"t"


def archive(stream: bytes, storages: dict[str, bytes] | None = None, **kinds: Any) -> bytes:
    """A checkpoint as PyTorch lays it out, around a pickle."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", **kinds) as z:
        z.writestr("a/data.pkl", stream)
        z.writestr("a/byteorder", "little")
        for key, raw in (storages or {}).items():
            z.writestr(f"a/data/{key}", raw)
        z.writestr("a/version", "3\n")
    return out.getvalue()


def pickled(body: bytes, protocol: int = 2) -> bytes:
    return archive(b"\x80" + bytes([protocol]) + body + b".")


def storage(key: str = "0", numel: int = 4, cls: str = "FloatStorage") -> bytes:
    return (
        b"(" + text("storage") + f"ctorch\n{cls}\n".encode() + text(key) + text("cpu")
        + number(numel) + b"tQ"
    )  # fmt: skip


def tensor(
    shape: tuple[int, ...] = (4,),
    strides: tuple[int, ...] = (1,),
    offset: int = 0,
    of: bytes | None = None,
) -> bytes:
    return (
        b"ctorch._utils\n_rebuild_tensor_v2\n(" + (of or storage()) + number(offset)
        + numbers(*shape) + numbers(*strides) + b"\x89ccollections\nOrderedDict\n)RtR"
    )  # fmt: skip


def with_tensor(body: bytes, data: bytes = b"\0" * 16) -> bytes:
    return archive(b"\x80\x02" + body + b".", {"0": data})


# -- opcodes that would call ---------------------------------------------------------------------


@hostile
def global_reduce() -> bytes:
    return pickled(CALL + text("x") + b"\x85R")


@hostile
def stack_global_reduce() -> bytes:
    return pickled(text("tests.serialization.hostile") + text("canary") + b"\x93)R", 4)


@hostile
def inst() -> bytes:
    return pickled(b"(" + text("x") + b"itests.serialization.hostile\ncanary\n")


@hostile
def obj() -> bytes:
    return pickled(b"(" + CALL + text("x") + b"o")


@hostile
def newobj() -> bytes:
    return pickled(CLASS + b")\x81")


@hostile
def newobj_ex() -> bytes:
    return pickled(CLASS + b")}\x92", 4)


@hostile
def newobj_ex_with_keywords() -> bytes:
    return pickled(CLASS + b")}" + text("a") + b"K\x01s\x92", 4)


@hostile
def build_setstate() -> bytes:
    return pickled(CLASS + b")\x81}" + text("a") + b"K\x01sb")


@hostile
def build_with_slots() -> bytes:
    return pickled(CLASS + b")\x81N}" + text("__class__") + CLASS + b"s\x86b")


@hostile
def build_class_of_ordered_dict() -> bytes:
    return pickled(
        b"ccollections\nOrderedDict\n)R}("
        + text("__class__")
        + CLASS
        + text("_metadata")
        + CALL
        + b")Rub"
    )


@hostile
def reduce_of_reduce() -> bytes:
    return pickled(b"cbuiltins\ngetattr\n" + CALL + text("__call__") + b"\x86R)R")


@hostile
def os_system() -> bytes:
    return pickled(b"cos\nsystem\n" + text("touch /tmp/flambeau-canary") + b"\x85R")


@hostile
def eval_text() -> bytes:
    return pickled(b"cbuiltins\neval\n" + text("__import__('os').abort()") + b"\x85R")


@hostile
def import_module() -> bytes:
    return pickled(b"cimportlib\nimport_module\n" + text("antigravity") + b"\x85R")


@hostile
def name_of_a_module_that_is_not_imported() -> bytes:
    return pickled(b"cantigravity\ngeohash\n)R")


@hostile
def dotted_name() -> bytes:
    return pickled(text("os") + text("path.os.system") + b"\x93" + text("true") + b"\x85R", 4)


@hostile
def partial_and_map() -> bytes:
    return pickled(b"cbuiltins\nlist\ncbuiltins\nmap\n" + CALL + b"]" + text("x") + b"a\x86R\x85R")


@hostile
def append_to_object() -> bytes:
    return pickled(CLASS + b")\x81K\x01a(K\x02K\x03e" + text("k") + b"K\x01s")


@hostile
def hostile_key() -> bytes:
    return pickled(b"}" + CLASS + b")\x81K\x01s" + CLASS + b")\x81K\x02s")


@hostile
def hostile_set_element() -> bytes:
    return pickled(b"\x8f(" + CLASS + b")\x81" + CLASS + b")\x81\x90", 4)


@hostile
def default_factory() -> bytes:
    return pickled(b"ccollections\ndefaultdict\n" + CALL + b"\x85R")


@hostile
def extension_registry() -> bytes:
    return pickled(b"\x82\x01)R")


@hostile
def extension_registry_4() -> bytes:
    return pickled(b"\x84\x01\0\0\0)R")


@hostile
def persistent_id_with_call() -> bytes:
    return pickled(CALL + b")RQ")


@hostile
def persistent_id_of_strange_class() -> bytes:
    return pickled(b"(" + text("storage") + CLASS + text("0") + text("cpu") + b"K\x04tQ")


@hostile
def text_persistent_id() -> bytes:
    return pickled(b"P../../etc/passwd\n")


@hostile
def rebuild_with_hostile_function() -> bytes:
    return pickled(b"ctorch._tensor\n_rebuild_from_type_v2\n(" + CALL + CLASS + b")}tR")


@hostile
def load_from_bytes() -> bytes:
    import pickle

    inner = pickle.dumps(1)
    return pickled(
        b"ctorch.storage\n_load_from_bytes\nC" + bytes([len(inner)]) + inner + b"\x85R", 3
    )


@hostile
def numpy_object_array() -> bytes:
    return pickled(
        b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85C\x01b\x87R(K\x01K\x01\x85"
        b"cnumpy\ndtype\n" + text("O8") + b"\x89\x88\x87R(K\x03" + text("|") + b"NNNJ\xff\xff\xff\xff"
        b"J\xff\xff\xff\xffK?tb\x89]" + CALL + b")Ratb", 3
    )  # fmt: skip


@hostile
def numpy_dtype_with_object_field() -> bytes:
    return pickled(
        b"cnumpy\ndtype\n" + text("V8") + b"\x89\x88\x87R(K\x03" + text("|") + b"N" + text("a")
        + b"\x85}" + text("a") + b"cnumpy\ndtype\n" + text("O8") + b"\x89\x88\x87RK\x00\x86sK\x08K\x01K\x10tb"
    )  # fmt: skip


@hostile
def numpy_scalar_of_object() -> bytes:
    return pickled(
        b"cnumpy.core.multiarray\nscalar\ncnumpy\ndtype\n"
        + text("O8")
        + b"\x89\x88\x87R"
        + CALL
        + b")R\x86R"
    )


@hostile
def numpy_array_of_lying_shape() -> bytes:
    return pickled(
        b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85C\x01b\x87R(K\x01"
        + numbers(1 << 40) + b"cnumpy\ndtype\n" + text("f4") + b"\x89\x88\x87R\x89C\x04abcdtb", 3
    )  # fmt: skip


@hostile
def numpy_string_of_lying_size() -> bytes:
    return pickled(
        b"cnumpy\ndtype\n"
        + text("U4")
        + b"\x89\x88\x87R(K\x03"
        + text("<")
        + b"NNNJ\xff\xff\xff\x7fK\x04K\x08tb"
    )


# -- too much ------------------------------------------------------------------------------------


@hostile
def nested_lists() -> bytes:
    return pickled(b"]" * 200_000 + b"a" * 199_999)


@hostile
def nested_tuples() -> bytes:
    return pickled(b")" + b"\x85" * 300_000)


@hostile
def nested_tuples_as_key() -> bytes:
    return pickled(b"})" + b"\x85" * 100_000 + b"K\x01s")


@hostile
def nested_marks() -> bytes:
    return pickled(b"(" * 300_000 + b"t" * 300_000)


@hostile
def nested_calls() -> bytes:
    return pickled(CALL * 5000 + b")R" + b"\x85R" * 4999)


@hostile
def nested_states() -> bytes:
    return pickled((CLASS + b")\x81") * 2000 + b"b" * 1999)


@hostile
def memo_bomb() -> bytes:
    body = b"]q\x00"
    for i in range(60):
        body += b"](" + (b"h" + bytes([i])) * 10 + b"eq" + bytes([i + 1])
    return pickled(body)


@hostile
def memo_bomb_of_tuples_as_key() -> bytes:
    body = b"}K\x01q\x00"
    for i in range(60):
        body += b"h" + bytes([i]) + b"h" + bytes([i]) + b"\x86q" + bytes([i + 1]) + b"0"
    return pickled(body.replace(b"}K\x01q\x00", b"}K\x01q\x000", 1) + b"h\x3cK\x01s")


@hostile
def many_lists() -> bytes:
    return pickled(b"(" + b"]" * 1_000_000 + b"l")


@hostile
def sparse_memo() -> bytes:
    return pickled(b"N" + b"".join(b"r" + struct.pack("<I", i * 7919 + 3) for i in range(200_000)))


@hostile
def long_text() -> bytes:
    return pickled(b"X" + struct.pack("<I", 0xFFFFFFFF) + b"abc")


@hostile
def long_text_8() -> bytes:
    return pickled(b"\x8d" + struct.pack("<Q", 1 << 62) + b"abc", 4)


@hostile
def long_bytes_8() -> bytes:
    return pickled(b"\x8e" + struct.pack("<Q", (1 << 64) - 1) + b"abc", 4)


@hostile
def long_bytearray_8() -> bytes:
    return pickled(b"\x96" + struct.pack("<Q", 1 << 40) + b"abc", 5)


@hostile
def lying_frame() -> bytes:
    return pickled(b"\x95" + struct.pack("<Q", 1 << 60) + b"N", 4)


@hostile
def huge_integer() -> bytes:
    return pickled(b"\x8b" + struct.pack("<i", 1 << 30) + b"abc")


@hostile
def huge_integer_in_full() -> bytes:
    return pickled(b"\x8b" + struct.pack("<i", 1 << 20) + b"\x7f" * (1 << 20))


@hostile
def huge_decimal() -> bytes:
    return pickled(b"L" + b"9" * 500_000 + b"L\n")


@hostile
def negative_length() -> bytes:
    return pickled(b"T\xff\xff\xff\xffabc")


@hostile
def colliding_keys() -> bytes:
    prime = (1 << 61) - 1
    return pickled(b"}(" + b"".join(number(i * prime) + b"N" for i in range(1, 60_000)) + b"u")


@hostile
def endless_stream_of_nothing() -> bytes:
    return archive(b"\x80\x02" + b"N0" * 3_000_000 + b"N.")


@hostile
def frozenset_of_frozensets() -> bytes:
    return pickled(b"(" * 3000 + b"\x91" * 3000, 4)


# -- pickles that are broken -----------------------------------------------------------------------


@hostile
def stack_underflow() -> bytes:
    return pickled(b"a")


@hostile
def mark_underflow() -> bytes:
    return pickled(b"t")


@hostile
def no_stop() -> bytes:
    return archive(b"\x80\x02N")


@hostile
def two_values() -> bytes:
    return pickled(b"NN")


@hostile
def unknown_opcode() -> bytes:
    return pickled(b"\xfe")


@hostile
def protocol_99() -> bytes:
    return archive(b"\x80\x63N.")


@hostile
def missing_memo() -> bytes:
    return pickled(b"h\x07")


@hostile
def list_as_key() -> bytes:
    return pickled(b"}]Ns")


@hostile
def setitems_on_a_list() -> bytes:
    return pickled(b"](K\x01K\x02u")


@hostile
def odd_items() -> bytes:
    return pickled(b"}(K\x01u")


@hostile
def damaged_utf8() -> bytes:
    return pickled(b"X\x02\0\0\0\xff\xfe")


@hostile
def empty_file() -> bytes:
    return b""


@hostile
def zeros() -> bytes:
    return b"\0" * 4096


@hostile
def text_file() -> bytes:
    return b"<html>not found</html>" * 100


# -- tensors that lie ------------------------------------------------------------------------------


@hostile
def negative_stride() -> bytes:
    return with_tensor(tensor((4,), (-1,), 3))


@hostile
def negative_shape() -> bytes:
    return with_tensor(tensor((-4,), (1,)))


@hostile
def offset_outside() -> bytes:
    return with_tensor(tensor((4,), (1,), 1))


@hostile
def negative_offset() -> bytes:
    return with_tensor(tensor((4,), (1,), -1))


@hostile
def huge_offset() -> bytes:
    return with_tensor(tensor((1,), (1,), 1 << 62))


@hostile
def stride_outside() -> bytes:
    return with_tensor(tensor((4,), (2,)))


@hostile
def overflowing_shape() -> bytes:
    return with_tensor(tensor((1 << 32, 1 << 32), (0, 0)))


@hostile
def overflowing_stride() -> bytes:
    return with_tensor(tensor((2,), ((1 << 63) - 1,)))


@hostile
def expanded_to_a_terabyte() -> bytes:
    return with_tensor(tensor((1 << 38,), (0,)))


@hostile
def many_dimensions() -> bytes:
    return with_tensor(tensor((1,) * 100, (1,) * 100))


@hostile
def shape_and_strides_differ() -> bytes:
    return with_tensor(tensor((2, 2), (1,)))


@hostile
def shape_of_text() -> bytes:
    return with_tensor(
        b"ctorch._utils\n_rebuild_tensor_v2\n("
        + storage()
        + b"K\x00"
        + text("ab")
        + numbers(1)
        + b"\x89NtR"
    )


@hostile
def storage_larger_than_its_entry() -> bytes:
    return with_tensor(tensor(of=storage(numel=1 << 40)))


@hostile
def storage_of_negative_size() -> bytes:
    return with_tensor(tensor(of=storage(numel=-4)))


@hostile
def storage_that_is_missing() -> bytes:
    return with_tensor(tensor(of=storage(key="7")))


@hostile
def storage_by_path() -> bytes:
    return with_tensor(tensor(of=storage(key="../data.pkl")))


@hostile
def storage_of_two_sizes() -> bytes:
    return with_tensor(b"(" + tensor() + tensor(of=storage(numel=2, cls="DoubleStorage"))
                       + tensor(of=storage(numel=3)) + b"t")  # fmt: skip


@hostile
def tensor_on_no_storage() -> bytes:
    return with_tensor(tensor(of=b"N"))


@hostile
def parameter_of_no_tensor() -> bytes:
    return pickled(b"ctorch._utils\n_rebuild_parameter\nN\x88N\x87R")


@hostile
def integer_parameter_with_grad() -> bytes:
    return with_tensor(
        b"ctorch._utils\n_rebuild_parameter\n"
        + tensor(of=storage(cls="IntStorage"))
        + b"\x88N\x87R"
    )


@hostile
def meta_tensor_of_impossible_size() -> bytes:
    return pickled(
        b"ctorch._utils\n_rebuild_meta_tensor_no_storage\n(ctorch\nfloat32\n"
        + numbers(1 << 62, 1 << 62)
        + numbers(1, 1)
        + b"\x89tR"
    )


# -- zip files that lie ----------------------------------------------------------------------------


@hostile
def path_traversal() -> bytes:
    out = io.BytesIO(archive(b"\x80\x02N."))
    with zipfile.ZipFile(out, "a") as z:
        z.writestr("../../etc/cron.d/evil", "x")
    return out.getvalue()


@hostile
def absolute_path() -> bytes:
    out = io.BytesIO(archive(b"\x80\x02N."))
    with zipfile.ZipFile(out, "a") as z:
        z.writestr("/etc/passwd", "x")
    return out.getvalue()


@hostile
def zip_bomb_in_the_pickle() -> bytes:
    body = b"\x80\x02B" + struct.pack("<I", 200 << 20) + bytes(200 << 20) + b"."
    return archive(body, compression=zipfile.ZIP_DEFLATED, compresslevel=9)


@hostile
def zip_bomb_in_a_storage() -> bytes:
    return archive(
        b"\x80\x02" + tensor((50 << 20,), (1,), of=storage(numel=50 << 20)) + b".",
        {"0": bytes(200 << 20)}, compression=zipfile.ZIP_DEFLATED, compresslevel=9,
    )  # fmt: skip


def _patched(data: bytes, pattern: bytes, at: int, raw: bytes, which: int = 0) -> bytes:
    out, pos = bytearray(data), -1
    for _ in range(which + 1):
        pos = data.index(pattern, pos + 1)
    out[pos + at : pos + at + len(raw)] = raw
    return bytes(out)


@hostile
def deflate_that_claims_less() -> bytes:
    data = archive(b"\x80\x02" + b"N0" * 500 + b"N.", compression=zipfile.ZIP_DEFLATED)
    data = _patched(data, b"PK\x01\x02", 24, struct.pack("<L", 50))
    return _patched(data, b"PK\x03\x04", 22, struct.pack("<L", 50))


@hostile
def deflate_that_claims_more() -> bytes:
    data = archive(b"\x80\x02" + b"N0" * 500 + b"N.", compression=zipfile.ZIP_DEFLATED)
    data = _patched(data, b"PK\x01\x02", 24, struct.pack("<L", 2000))
    return _patched(data, b"PK\x03\x04", 22, struct.pack("<L", 2000))


@hostile
def overlapping_entries() -> bytes:
    data = archive(b"\x80\x02" + tensor() + b".", {"0": b"\0" * 16, "1": b"\0" * 16})
    first = struct.unpack("<L", data[(at := data.index(b"PK\x01\x02")) + 42 : at + 46])[0]
    return _patched(data, b"PK\x01\x02", 42, struct.pack("<L", first), 2)


@hostile
def entry_outside_the_file() -> bytes:
    return _patched(with_tensor(tensor()), b"PK\x01\x02", 42, struct.pack("<L", 1 << 30), 2)


@hostile
def entry_size_that_lies() -> bytes:
    return _patched(
        with_tensor(tensor()), b"PK\x01\x02", 20, struct.pack("<2L", 1 << 30, 1 << 30), 2
    )


@hostile
def local_size_that_lies() -> bytes:
    return _patched(with_tensor(tensor()), b"PK\x03\x04", 18, struct.pack("<2L", 8, 8), 2)


@hostile
def local_name_that_differs() -> bytes:
    return _patched(with_tensor(tensor()), b"a/data/0", 7, b"9")


@hostile
def zip64_size_that_lies() -> bytes:
    from tests.oracle import torch

    file = io.BytesIO()
    torch.save(torch.zeros(4), file)
    return _patched(file.getvalue(), b"PK\x06\x06", 40, struct.pack("<2Q", 1 << 60, 1 << 50))


@hostile
def count_that_lies() -> bytes:
    return _patched(with_tensor(tensor()), b"PK\x05\x06", 8, struct.pack("<2H", 60000, 60000))


@hostile
def two_pickles() -> bytes:
    out = io.BytesIO(archive(b"\x80\x02N."))
    with zipfile.ZipFile(out, "a") as z:
        z.writestr("b/data.pkl", CALL)
    return out.getvalue()


@hostile
def duplicate_entries() -> bytes:
    import warnings

    out = io.BytesIO(with_tensor(tensor()))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with zipfile.ZipFile(out, "a") as z:
            z.writestr("a/data/0", b"\1" * 16)
    return out.getvalue()


@hostile
def wrong_checksum() -> bytes:
    data = with_tensor(tensor())
    at = data.index(b"a/data/0") + len(b"a/data/0")
    return data[:at] + b"\x01" + data[at + 1 :]


@hostile
def encrypted_entry() -> bytes:
    return _patched(with_tensor(tensor()), b"PK\x01\x02", 8, struct.pack("<H", 1), 2)


@hostile
def strange_compression() -> bytes:
    return _patched(with_tensor(tensor()), b"PK\x01\x02", 10, struct.pack("<H", 99), 2)


@hostile
def no_pickle() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as z:
        z.writestr("a/other", "x")
    return out.getvalue()


@hostile
def strange_byte_order() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as z:
        z.writestr("a/data.pkl", b"\x80\x02N.")
        z.writestr("a/byteorder", "middle")
    return out.getvalue()


# -- the legacy formats ----------------------------------------------------------------------------

MAGIC = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.\x80\x02}q\x00."


def legacy_storage(numel: int) -> bytes:
    return (
        b"(" + text("storage") + b"ctorch\nFloatStorage\n" + text("0") + text("cpu")
        + number(numel) + b"NtQ"
    )  # fmt: skip


def legacy(body: bytes, keys: bytes = b"", data: bytes = b"") -> bytes:
    return MAGIC + b"\x80\x02" + body + b"." + b"\x80\x02](" + keys + b"e." + data


@hostile
def legacy_reduce() -> bytes:
    return legacy(CALL + b")R")


@hostile
def legacy_storage_that_lies() -> bytes:
    return legacy(
        tensor(of=legacy_storage(1 << 40)), text("0"), struct.pack("<q", 1 << 40) + b"\0" * 16
    )


@hostile
def legacy_sizes_that_differ() -> bytes:
    return legacy(tensor(of=legacy_storage(4)), text("0"), struct.pack("<q", 3) + b"\0" * 16)


@hostile
def legacy_negative_size() -> bytes:
    return legacy(tensor(of=legacy_storage(4)), text("0"), struct.pack("<q", -4) + b"\0" * 16)


@hostile
def legacy_missing_key() -> bytes:
    return legacy(tensor(of=legacy_storage(4)), text("1"), struct.pack("<q", 4) + b"\0" * 16)


@hostile
def legacy_view_outside() -> bytes:
    view = (
        b"(" + text("storage") + b"ctorch\nFloatStorage\n" + text("0") + text("cpu") + b"K\x04("
        + text("v") + b"K\x02K\x04ttQ"
    )  # fmt: skip
    return legacy(tensor(of=view), text("0"), struct.pack("<q", 4) + b"\0" * 16)


def tar_block(name: str, data: bytes, size: int | None = None) -> bytes:
    import tarfile

    info = tarfile.TarInfo(name)
    info.size = len(data) if size is None else size
    return info.tobuf(tarfile.USTAR_FORMAT) + data + b"\0" * (-len(data) % 512)


@hostile
def tar_size_that_lies() -> bytes:
    return tar_block("storages", b"\x80\x02K\x00.", 1 << 30) + b"\0" * 1024


@hostile
def tar_that_calls() -> bytes:
    none = b"\x80\x02K\x00."
    return (
        tar_block("storages", none + b"\x80\x02].") + tar_block("tensors", none)
        + tar_block("pickle", b"\x80\x02" + CALL + b")R.") + b"\0" * 1024
    )  # fmt: skip


@hostile
def tar_tensor_outside() -> bytes:
    storages = (
        b"\x80\x02K\x01.\x80\x02" + text("1") + text("cpu") + b"ctorch\nFloatStorage\n\x87."
        + struct.pack("<q", 2) + b"\0" * 8 + b"\x80\x02]."
    )  # fmt: skip
    tensors = (
        b"\x80\x02K\x01.\x80\x02" + text("2") + text("1") + b"ctorch\nFloatTensor\n\x87."
        + struct.pack("<ii3q", 1, 0, 5, 1, 0)
    )  # fmt: skip
    return (
        tar_block("storages", storages) + tar_block("tensors", tensors)
        + tar_block("pickle", b"\x80\x02" + text("2") + b"Q.") + b"\0" * 1024
    )  # fmt: skip


@hostile
def tar_of_other_things() -> bytes:
    return tar_block("readme", b"hello") + b"\0" * 1024


# -- safetensors -----------------------------------------------------------------------------------


def safetensors(header: Any, data: bytes = b"", length: int | None = None) -> bytes:
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(raw) if length is None else length) + raw + data


def entry(shape: Any = (2,), offsets: Any = (0, 8), dtype: Any = "F32") -> dict[str, Any]:
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}


@hostile
def st_header_longer_than_file() -> bytes:
    return safetensors({"a": entry()}, b"\0" * 8, 1 << 60)


@hostile
def st_deep_json() -> bytes:
    return safetensors(b'{"a":' + b"[" * 500_000 + b"]" * 500_000 + b"}")


@hostile
def st_huge_numbers() -> bytes:
    return safetensors(
        b'{"a":{"dtype":"F32","shape":[' + b"9" * 100_000 + b'],"data_offsets":[0,8]}}'
    )


@hostile
def st_overlap() -> bytes:
    return safetensors({"a": entry(), "b": entry(offsets=(4, 12))}, b"\0" * 12)


@hostile
def st_hole() -> bytes:
    return safetensors({"a": entry(), "b": entry(offsets=(16, 24))}, b"\0" * 24)


@hostile
def st_outside() -> bytes:
    return safetensors({"a": entry(offsets=(0, 8))}, b"\0" * 4)


@hostile
def st_trailing_bytes() -> bytes:
    return safetensors({"a": entry()}, b"\0" * 100)


@hostile
def st_backwards() -> bytes:
    return safetensors({"a": entry(offsets=(8, 0))}, b"\0" * 8)


@hostile
def st_shape_that_lies() -> bytes:
    return safetensors({"a": entry((1 << 40,), (0, 8))}, b"\0" * 8)


@hostile
def st_shape_that_overflows() -> bytes:
    return safetensors({"a": entry((1 << 62, 4), (0, 0))})


@hostile
def st_negative() -> bytes:
    return safetensors({"a": entry((-2,), (0, 8))}, b"\0" * 8)


@hostile
def st_unknown_dtype() -> bytes:
    return safetensors({"a": entry(dtype="F33")}, b"\0" * 8)


@hostile
def st_dtype_of_list() -> bytes:
    return safetensors({"a": entry(dtype=["F32"])}, b"\0" * 8)


@hostile
def st_float_shape() -> bytes:
    return safetensors({"a": entry((2.0,))}, b"\0" * 8)


@hostile
def st_duplicate_key() -> bytes:
    one = json.dumps(entry())
    return safetensors(f'{{"a":{one},"a":{one}}}'.encode(), b"\0" * 8)


@hostile
def st_metadata_of_numbers() -> bytes:
    return safetensors({"__metadata__": {"a": 1}})


@hostile
def st_list() -> bytes:
    return safetensors(b"{}x")


@hostile
def st_nan() -> bytes:
    return safetensors(b'{"a":NaN}')


def honest() -> dict[str, bytes]:
    """Honest files of every format, to be cut and flipped."""
    from safetensors.numpy import save as save_safetensors

    from tests.oracle import torch

    tree = {
        "w": torch.arange(40.0).reshape(5, 8), "b": torch.ones(3, dtype=torch.int64),
        "n": [1, "x", (2.5, None)], "s": torch.nn.Linear(2, 2).state_dict(),
    }  # fmt: skip
    made = {}
    for name, new_format in (("zip", True), ("legacy", False)):
        file = io.BytesIO()
        torch.save(tree, file, _use_new_zipfile_serialization=new_format)
        made[name] = file.getvalue()
    made["deflated"] = _deflated(made["zip"])
    arrays = {"w": np.arange(40.0), "b": np.ones(3, np.int8)}
    made["safetensors"] = save_safetensors(arrays, {"format": "np"})
    return made


def _deflated(data: bytes) -> bytes:
    out = io.BytesIO()
    packed = zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED)
    with zipfile.ZipFile(io.BytesIO(data)) as old, packed as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
    return out.getvalue()


def checksum(data: bytes) -> int:
    return zlib.crc32(data)
