"""An interpreter of pickle's opcodes that makes plain data and nothing else.

A pickle is a program for a stack machine. Python's own machine imports the names it meets
and calls what it imported; this one knows no way to do either. A name becomes a
:class:`~flambeau.serialization._records.Stub`, and what would have been a call is looked up
in a fixed table of builders (:mod:`._builders`) written here; a call that is not in the
table becomes a stub that keeps its arguments. ``docs/adr`` has the page on why.
"""

from __future__ import annotations

import codecs
import struct
from collections.abc import Callable
from typing import Any

import numpy as np

from flambeau.errors import CheckpointFormatError, CheckpointLimitError

from ._limits import Limits
from ._records import Stub

__all__ = ["Interpreter"]

_LE_U16 = struct.Struct("<H").unpack_from
_LE_U32 = struct.Struct("<I").unpack_from
_LE_I32 = struct.Struct("<i").unpack_from
_LE_U64 = struct.Struct("<Q").unpack_from
_BE_F64 = struct.Struct(">d").unpack_from

# Keys whose hash is Python's own and cheap. Tuples of them are keys as well, within limits.
_PLAIN_KEYS = frozenset({str, bytes, int, float, bool, type(None), complex, Stub})
_KEY_NODES = 64
_TUPLE_KEYS = 20_000
_MAX_TEXT_LINE = 1 << 20


class Interpreter:
    """Runs one pickle stream.

    Args:
        data: bytes that hold the stream.
        start: where in them it begins.
        limits: bounds on what it may cost.
        reduce: ``reduce(function, args)`` for a call: a value, or None for "not known".
        build: ``build(value, state)`` for attributes set on a value that is no stub.
        find: ``find(module, name)`` for a name that stands for a plain value (a dtype).
        persistent_load: what a persistent id stands for.

    ``end`` is the position after the stream once :meth:`run` returned.
    """

    def __init__(
        self,
        data: Any,
        *,
        limits: Limits,
        reduce: Callable[[Stub, tuple[Any, ...]], Any],
        build: Callable[[Any, Any], bool],
        find: Callable[[str, str], Any],
        persistent_load: Callable[[Any], Any],
        start: int = 0,
        stop: int | None = None,
    ):
        self.data = data if stop is None else memoryview(data)[:stop]
        self.pos = start
        self.start = start
        self.end = start
        self.limits = limits
        self.reduce = reduce
        self.build = build
        self.find = find
        self.persistent_load = persistent_load
        self.stack: list[Any] = []
        self.marks: list[list[Any]] = []
        self.memo: list[Any] = []
        self.far_memo: dict[int, Any] = {}
        self.names: dict[tuple[str, str], Any] = {}
        self.tuple_keys = 0
        self.containers = 0
        length = min(len(self.data) - start, limits.max_pickle_bytes)
        self.max_containers = limits.max_containers + length // 8

    # -- running -----------------------------------------------------------------------

    def run(self) -> Any:
        """The value that the stream describes.

        Raises:
            CheckpointFormatError: the stream is malformed.
            CheckpointLimitError: it asks for more than the limits allow.
        """
        try:
            return self._run()
        except (CheckpointFormatError, CheckpointLimitError):
            raise
        except (IndexError, struct.error):
            raise self._bad("ends in the middle, or takes what is not on its stack") from None
        except (ValueError, TypeError, KeyError, OverflowError, AttributeError) as error:
            raise self._bad(f"is malformed ({error})") from None
        except (MemoryError, RecursionError) as error:
            raise CheckpointLimitError(
                f"pickle stream at byte {self.pos} needs more than there is: {error!r}"
            ) from None

    def _run(self) -> Any:
        data, table, limits = self.data, _TABLE, self.limits
        budget = limits.max_opcodes
        stop_at = self.start + limits.max_pickle_bytes
        max_stack = limits.max_stack
        count = 0
        size = len(data)
        while True:
            pos = self.pos
            if pos >= size:
                raise self._bad("ends without STOP")
            code = data[pos]
            self.pos = pos + 1
            if code == 0x2E:  # STOP
                break
            handler = table[code]
            if handler is None:
                raise self._bad(f"holds 0x{code:02x}, which is no opcode that checkpoints use")
            handler(self)
            count += 1
            if not count & 0xFFF and (
                count > budget or self.pos > stop_at or len(self.stack) > max_stack
            ):
                self._over_budget(count)
        if self.pos > stop_at or len(self.stack) > max_stack or count > budget:
            self._over_budget(count)
        if len(self.stack) != 1 or self.marks:
            raise self._bad("leaves more than one value, or none, at STOP")
        self.end = self.pos
        return self.stack.pop()

    def _over_budget(self, count: int) -> None:
        limits = self.limits
        if count > limits.max_opcodes:
            what = f"more than max_opcodes={limits.max_opcodes} opcodes"
        elif len(self.stack) > limits.max_stack:
            what = f"more than max_stack={limits.max_stack} values on its stack"
        else:
            what = f"more than max_pickle_bytes={limits.max_pickle_bytes} bytes"
        raise CheckpointLimitError(
            f"pickle stream has {what}; if the file is trusted, pass limits=Limits(...)"
        )

    def _bad(self, what: str) -> CheckpointFormatError:
        return CheckpointFormatError(
            f"pickle stream {what} (byte {max(self.pos - 1 - self.start, 0)})"
        )

    # -- reading -----------------------------------------------------------------------

    def take(self, count: int) -> bytes:
        """The next bytes; a length that lies is found before anything is allocated."""
        pos = self.pos
        end = pos + count
        if count < 0 or end > len(self.data):
            raise self._bad(f"claims {count} bytes where {len(self.data) - pos} are left")
        self.pos = end
        return bytes(self.data[pos:end])

    def line(self) -> bytes:
        """The next line of a text opcode, without its end."""
        window = bytes(self.data[self.pos : self.pos + _MAX_TEXT_LINE])
        end = window.find(b"\n")
        if end < 0:
            raise self._bad("has a text argument without an end")
        self.pos += end + 1
        return window[:end]

    def u8(self) -> int:
        value = self.data[self.pos]
        self.pos += 1
        return value

    def fixed(self, unpack: Callable[..., tuple[Any, ...]], size: int) -> Any:
        value = unpack(self.data, self.pos)[0]
        self.pos += size
        return value

    def integer(self, length: int) -> int:
        if length < 0 or length > self.limits.max_integer_bytes:
            raise self._limit(f"an integer of {length} bytes", "max_integer_bytes")
        return int.from_bytes(self.take(length), "little", signed=True)

    def _limit(self, what: str, option: str) -> CheckpointLimitError:
        return CheckpointLimitError(
            f"pickle stream holds {what} at byte {self.pos - self.start}, more than "
            f"{option}={getattr(self.limits, option)}; if the file is trusted, pass "
            f"limits=Limits({option}=...)"
        )

    # -- helpers of the opcodes --------------------------------------------------------

    def new(self, value: Any) -> None:
        """Push a container, counted."""
        self.containers += 1
        if self.containers > self.max_containers:
            raise CheckpointLimitError(
                f"pickle stream makes more than {self.max_containers} containers, far more "
                "than its length explains; if the file is trusted, pass "
                "limits=Limits(max_containers=...)"
            )
        self.stack.append(value)

    def pop_mark(self) -> list[Any]:
        items = self.stack
        self.stack = self.marks.pop()
        return items

    def key(self, key: Any) -> Any:
        """A dict key or set element, checked: hashing must be cheap and run no code."""
        kind = type(key)
        if kind is str:
            return key
        if kind is int:
            if key.bit_length() > 64:
                raise self._bad("has a dict key of more than 64 bits")
            return key
        if kind in _PLAIN_KEYS:
            return key
        if isinstance(key, (tuple, frozenset)):
            self.tuple_keys += 1
            if self.tuple_keys > _TUPLE_KEYS:
                raise CheckpointLimitError(
                    f"pickle stream has more than {_TUPLE_KEYS} tuples as dict keys"
                )
            self._check_tuple_key(key)
            return key
        if isinstance(key, (list, dict, set, bytearray, np.ndarray)):
            raise self._bad(f"has a {kind.__name__} as a dict key, which cannot be hashed")
        return key  # tensors, dtypes, devices: hashed by identity or name

    def _check_tuple_key(self, key: Any) -> None:
        pending, nodes = [(key, 0)], 0
        while pending:
            item, depth = pending.pop()
            nodes += 1
            if nodes > _KEY_NODES or depth > 8:
                raise self._bad("has a dict key too large or too deep to be one")
            if isinstance(item, (tuple, frozenset)):
                if len(item) > _KEY_NODES:
                    raise self._bad("has a dict key too large or too deep to be one")
                pending.extend((child, depth + 1) for child in item)
            elif type(item) is int and item.bit_length() > 64:
                raise self._bad("has a dict key of more than 64 bits")

    def update(self, target: Any, items: list[Any]) -> None:
        if len(items) % 2:
            raise self._bad("sets an odd number of keys and values")
        pairs = zip(items[::2], items[1::2], strict=True)
        if isinstance(target, dict):
            key = self.key
            for name, value in pairs:
                target[name if type(name) is str else key(name)] = value
        elif type(target) is Stub and target._args is not None:
            if target._items is None:
                target._items = []
            target._items.extend(pairs)
        else:
            raise self._bad(f"sets items of a {type(target).__name__}")

    def extend(self, target: Any, items: list[Any]) -> None:
        if type(target) is list:
            target.extend(items)
        elif type(target) is Stub and target._args is not None:
            if target._entries is None:
                target._entries = []
            target._entries.extend(items)
        else:
            raise self._bad(f"appends to a {type(target).__name__}")

    def name(self, module: Any, name: Any) -> Any:
        if type(module) is not str or type(name) is not str:
            raise self._bad("names something with what is no string")
        found = self.names.get((module, name))
        if found is None:
            if len(module) > 1024 or len(name) > 1024:
                raise self._bad("has a name of more than 1024 characters")
            found = self.find(module, name)
            if found is None:
                found = Stub(module, name)
            self.names[module, name] = found
        return found

    def call(self, function: Any, args: Any, kwargs: Any = None) -> Any:
        """What stands for ``function(*args)``: a builder's value, or a stub."""
        if type(args) is not tuple:
            raise self._bad(f"calls with a {type(args).__name__} for arguments")
        if type(function) is not Stub or function._args is not None:
            # the result of another call, or plain data: callable nowhere
            described = getattr(function, "qualified_name", type(function).__name__)
            return Stub("", f"call of {described}"[:1024], args)
        if not kwargs:
            made = self.reduce(function, args)
            if made is not None:
                return made
        elif type(kwargs) is not dict:
            raise self._bad("calls with what is no dict for keyword arguments")
        return Stub(function._module, function._name, args, kwargs or None)

    def put(self, index: int) -> None:
        if index < 0:
            raise self._bad("puts at a negative place of its memo")
        memo = self.memo
        if index == len(memo):
            memo.append(self.stack[-1])
        elif index < len(memo):
            memo[index] = self.stack[-1]
        else:  # Python's pickler fills its memo without gaps; others may begin at 1
            self.far_memo[index] = self.stack[-1]
            if len(self.far_memo) > self.max_containers:
                raise self._limit("a scattered memo", "max_containers")

    def get(self, index: int) -> None:
        if 0 <= index < len(self.memo):
            self.stack.append(self.memo[index])
        elif index in self.far_memo:
            self.stack.append(self.far_memo[index])
        else:
            raise self._bad(f"gets place {index} of its memo, where nothing is")

    # -- opcodes -----------------------------------------------------------------------

    def op_proto(self) -> None:
        if self.u8() > 5:
            raise self._bad("has a protocol newer than 5")

    def op_frame(self) -> None:
        size = self.fixed(_LE_U64, 8)
        if size > len(self.data) - self.pos:
            raise self._bad(f"has a frame of {size} bytes where fewer are left")

    def op_mark(self) -> None:
        self.marks.append(self.stack)
        self.stack = []
        if len(self.marks) > 4 * self.limits.max_depth + 16:
            raise self._limit("deeply nested values", "max_depth")

    def op_pop(self) -> None:
        if self.stack:
            self.stack.pop()
        else:
            self.pop_mark()

    def op_pop_mark(self) -> None:
        self.pop_mark()

    def op_dup(self) -> None:
        self.stack.append(self.stack[-1])

    def op_none(self) -> None:
        self.stack.append(None)

    def op_true(self) -> None:
        self.stack.append(True)

    def op_false(self) -> None:
        self.stack.append(False)

    def op_int(self) -> None:
        text = self.line()
        if text == b"00":
            self.stack.append(False)
        elif text == b"01":
            self.stack.append(True)
        else:
            self.stack.append(self._decimal(text))

    def op_long(self) -> None:
        self.stack.append(self._decimal(self.line().removesuffix(b"L")))

    def _decimal(self, text: bytes) -> int:
        if len(text) > 4000:
            raise self._limit("a decimal integer of thousands of digits", "max_integer_bytes")
        return int(text.decode("ascii"))

    def op_binint(self) -> None:
        self.stack.append(self.fixed(_LE_I32, 4))

    def op_binint1(self) -> None:
        pos = self.pos
        self.stack.append(self.data[pos])
        self.pos = pos + 1

    def op_binint2(self) -> None:
        self.stack.append(self.fixed(_LE_U16, 2))

    def op_long1(self) -> None:
        self.stack.append(self.integer(self.u8()))

    def op_long4(self) -> None:
        self.stack.append(self.integer(self.fixed(_LE_I32, 4)))

    def op_float(self) -> None:
        self.stack.append(float(self.line().decode("ascii")))

    def op_binfloat(self) -> None:
        self.stack.append(self.fixed(_BE_F64, 8))

    def op_string(self) -> None:
        text = self.line().strip()
        if len(text) < 2 or text[0] != text[-1] or text[0] not in b"'\"":
            raise self._bad("has a string without quotes")
        raw = codecs.escape_decode(text[1:-1])[0]
        self.stack.append(raw.decode("utf-8"))

    def op_binstring(self) -> None:
        self.stack.append(self._python2(self.take(self.fixed(_LE_I32, 4))))

    def op_short_binstring(self) -> None:
        self.stack.append(self._python2(self.take(self.u8())))

    @staticmethod
    def _python2(raw: bytes) -> str | bytes:
        # Python 2 wrote text and bytes alike
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError:
            return raw

    def op_binbytes(self) -> None:
        self.stack.append(self.take(self.fixed(_LE_U32, 4)))

    def op_short_binbytes(self) -> None:
        self.stack.append(self.take(self.u8()))

    def op_binbytes8(self) -> None:
        self.stack.append(self.take(self.fixed(_LE_U64, 8)))

    def op_bytearray8(self) -> None:
        self.new(bytearray(self.take(self.fixed(_LE_U64, 8))))

    def op_unicode(self) -> None:
        self.stack.append(self.line().decode("raw-unicode-escape"))

    def op_binunicode(self) -> None:
        self.stack.append(self._text(self.fixed(_LE_U32, 4)))

    def op_short_binunicode(self) -> None:
        self.stack.append(self._text(self.u8()))

    def op_binunicode8(self) -> None:
        self.stack.append(self._text(self.fixed(_LE_U64, 8)))

    def _text(self, length: int) -> str:
        return self.take(length).decode("utf-8", "surrogatepass")

    def op_empty_list(self) -> None:
        self.new([])

    def op_empty_tuple(self) -> None:
        self.stack.append(())

    def op_empty_dict(self) -> None:
        self.new({})

    def op_empty_set(self) -> None:
        self.new(set())

    def op_list(self) -> None:
        items = self.pop_mark()
        self.new(items)

    def op_tuple(self) -> None:
        items = self.pop_mark()
        self.new(tuple(items))

    def op_tuple1(self) -> None:
        stack = self.stack
        self.new((stack.pop(),))

    def op_tuple2(self) -> None:
        stack = self.stack
        second = stack.pop()
        self.new((stack.pop(), second))

    def op_tuple3(self) -> None:
        stack = self.stack
        third, second = stack.pop(), stack.pop()
        self.new((stack.pop(), second, third))

    def op_dict(self) -> None:
        made: dict[Any, Any] = {}
        self.update(made, self.pop_mark())
        self.new(made)

    def op_frozenset(self) -> None:
        items = self.pop_mark()
        self.new(frozenset(self.key(item) for item in items))

    def op_append(self) -> None:
        value = self.stack.pop()
        self.extend(self.stack[-1], [value])

    def op_appends(self) -> None:
        items = self.pop_mark()
        self.extend(self.stack[-1], items)

    def op_setitem(self) -> None:
        stack = self.stack
        value, name = stack.pop(), stack.pop()
        self.update(stack[-1], [name, value])

    def op_setitems(self) -> None:
        items = self.pop_mark()
        self.update(self.stack[-1], items)

    def op_additems(self) -> None:
        items = self.pop_mark()
        target = self.stack[-1]
        if type(target) is set:
            target.update(self.key(item) for item in items)
        elif type(target) is Stub and target._args is not None:
            self.extend(target, items)
        else:
            raise self._bad(f"adds to a {type(target).__name__}")

    def op_get(self) -> None:
        self.get(self._decimal(self.line()))

    def op_binget(self) -> None:
        self.get(self.u8())

    def op_long_binget(self) -> None:
        self.get(self.fixed(_LE_U32, 4))

    def op_put(self) -> None:
        self.put(self._decimal(self.line()))

    def op_binput(self) -> None:
        self.put(self.u8())

    def op_long_binput(self) -> None:
        self.put(self.fixed(_LE_U32, 4))

    def op_memoize(self) -> None:
        self.put(len(self.memo) + len(self.far_memo))

    def op_global(self) -> None:
        module = self.line().decode("utf-8")
        self.stack.append(self.name(module, self.line().decode("utf-8")))

    def op_stack_global(self) -> None:
        name, module = self.stack.pop(), self.stack.pop()
        self.stack.append(self.name(module, name))

    def op_reduce(self) -> None:
        args = self.stack.pop()
        function = self.stack.pop()
        self.new(self.call(function, args))

    def op_newobj(self) -> None:
        args = self.stack.pop()
        cls = self.stack.pop()
        self.new(self.call(cls, args))

    def op_newobj_ex(self) -> None:
        kwargs, args = self.stack.pop(), self.stack.pop()
        cls = self.stack.pop()
        self.new(self.call(cls, args, kwargs))

    def op_inst(self) -> None:
        module = self.line().decode("utf-8")
        cls = self.name(module, self.line().decode("utf-8"))
        items = self.pop_mark()
        self.new(self.call(cls, tuple(items)))

    def op_obj(self) -> None:
        items = self.pop_mark()
        cls = items[0]
        self.new(self.call(cls, tuple(items[1:])))

    def op_build(self) -> None:
        state = self.stack.pop()
        target = self.stack[-1]
        if type(target) is Stub:
            if target._args is None:
                raise self._bad("sets attributes of a name")
            target.state = state
        elif not self.build(target, state):
            raise self._bad(f"sets attributes of a {type(target).__name__}")

    def op_persid(self) -> None:
        self.stack.append(self.persistent_load(self.line().decode("ascii")))

    def op_binpersid(self) -> None:
        self.stack.append(self.persistent_load(self.stack.pop()))


_OPCODES: dict[bytes, Callable[[Interpreter], None]] = {
    b"\x80": Interpreter.op_proto,
    b"\x95": Interpreter.op_frame,
    b"(": Interpreter.op_mark,
    b"0": Interpreter.op_pop,
    b"1": Interpreter.op_pop_mark,
    b"2": Interpreter.op_dup,
    b"N": Interpreter.op_none,
    b"\x88": Interpreter.op_true,
    b"\x89": Interpreter.op_false,
    b"I": Interpreter.op_int,
    b"L": Interpreter.op_long,
    b"J": Interpreter.op_binint,
    b"K": Interpreter.op_binint1,
    b"M": Interpreter.op_binint2,
    b"\x8a": Interpreter.op_long1,
    b"\x8b": Interpreter.op_long4,
    b"F": Interpreter.op_float,
    b"G": Interpreter.op_binfloat,
    b"S": Interpreter.op_string,
    b"T": Interpreter.op_binstring,
    b"U": Interpreter.op_short_binstring,
    b"B": Interpreter.op_binbytes,
    b"C": Interpreter.op_short_binbytes,
    b"\x8e": Interpreter.op_binbytes8,
    b"\x96": Interpreter.op_bytearray8,
    b"V": Interpreter.op_unicode,
    b"X": Interpreter.op_binunicode,
    b"\x8c": Interpreter.op_short_binunicode,
    b"\x8d": Interpreter.op_binunicode8,
    b"]": Interpreter.op_empty_list,
    b")": Interpreter.op_empty_tuple,
    b"}": Interpreter.op_empty_dict,
    b"\x8f": Interpreter.op_empty_set,
    b"l": Interpreter.op_list,
    b"t": Interpreter.op_tuple,
    b"\x85": Interpreter.op_tuple1,
    b"\x86": Interpreter.op_tuple2,
    b"\x87": Interpreter.op_tuple3,
    b"d": Interpreter.op_dict,
    b"\x91": Interpreter.op_frozenset,
    b"a": Interpreter.op_append,
    b"e": Interpreter.op_appends,
    b"s": Interpreter.op_setitem,
    b"u": Interpreter.op_setitems,
    b"\x90": Interpreter.op_additems,
    b"g": Interpreter.op_get,
    b"h": Interpreter.op_binget,
    b"j": Interpreter.op_long_binget,
    b"p": Interpreter.op_put,
    b"q": Interpreter.op_binput,
    b"r": Interpreter.op_long_binput,
    b"\x94": Interpreter.op_memoize,
    b"c": Interpreter.op_global,
    b"\x93": Interpreter.op_stack_global,
    b"R": Interpreter.op_reduce,
    b"\x81": Interpreter.op_newobj,
    b"\x92": Interpreter.op_newobj_ex,
    b"i": Interpreter.op_inst,
    b"o": Interpreter.op_obj,
    b"b": Interpreter.op_build,
    b"P": Interpreter.op_persid,
    b"Q": Interpreter.op_binpersid,
}
# EXT1, EXT2, EXT4 (the copyreg registry) and NEXT_BUFFER, READONLY_BUFFER (out-of-band
# data) are absent: no checkpoint holds them.
_TABLE: list[Callable[[Interpreter], None] | None] = [None] * 256
for _code, _handler in _OPCODES.items():
    _TABLE[_code[0]] = _handler
