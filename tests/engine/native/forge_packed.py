"""Files of packed weights with one value changed and every checksum right; run as a program, it loads them.

``python forge_packed.py MODEL FOLDER [LIBRARY]``: each forged file is loaded and used in turn. Its name is
printed first, so that a crash names it. LIBRARY: another build of the compiled back end.
"""

from __future__ import annotations

import copy
import json
import logging
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from autogpt_desktop.engine import native
from autogpt_desktop.engine.native import packed_cache

HEADER = packed_cache._HEADER
FIELDS = ("magic", "order", "version", "table", "start", "length", "prefix_sum", "data_sum")
NUMBERS = (-(2**31), -5, -1, 0, 1, 5, 99, 2**31 - 1, 2**32, 2**64, 1e308)
OTHERS: tuple[Any, ...] = (None, "1", [], {}, float("nan"))


class Packed:
    """One file, taken apart. ``changed``: fields of the header that are not what they should be."""

    def __init__(self, data: bytes) -> None:
        self.fields = dict(zip(FIELDS, HEADER.unpack_from(data), strict=True))
        prefix = data[HEADER.size : HEADER.size + self.fields["table"]]
        (self.text_size,) = struct.unpack_from("=Q", prefix)
        self.text = prefix[8 : 8 + self.text_size]
        self.vectors = prefix[8 + self.text_size :]
        self.image = data[self.fields["start"] :]
        self.changed: dict[str, Any] = {}

    def with_table(self, table: Any) -> Packed:
        self.text = json.dumps(table).encode()
        self.text += b" " * (-len(self.text) % 8)
        self.text_size = len(self.text)
        return self

    def bytes(self) -> bytes:
        """The file anew, with the right checksums."""
        library = native.library()
        assert library is not None
        prefix = struct.pack("=Q", self.text_size) + self.text + self.vectors
        start = packed_cache._start(len(prefix))
        fields = self.fields | {"table": len(prefix), "start": start, "length": len(self.image)}
        fields |= self.changed
        image = np.frombuffer(self.image, np.uint8)
        sums = [
            library.native_short_checksum(image.ctypes.data + at, min(packed_cache._PART, len(image) - at))
            for at in range(0, len(image), packed_cache._PART)
        ]
        fields["data_sum"] = packed_cache._checksum(library, np.array(sums, np.uint64).tobytes())
        head = HEADER.pack(*fields.values())
        fields["prefix_sum"] = packed_cache._checksum(library, packed_cache._signed(head, prefix))
        return (HEADER.pack(*fields.values()) + prefix).ljust(start, b"\0") + self.image


def forgeries(data: bytes) -> Iterator[tuple[str, bytes]]:
    """(what was changed, the file) of every forgery of a right file."""
    for what, packed in _forged(data):
        made = packed.bytes()
        if made != data:
            yield what, made


def _forged(data: bytes) -> Iterator[tuple[str, Packed]]:
    for field in FIELDS[:6]:
        for value in (0, 1, 8, 2**31, 2**32 - 1):
            packed = Packed(data)
            packed.changed[field] = struct.pack("=Q", value) if field == "magic" else value
            yield f"header: {field} = {value}", packed
    for value in (0, 1, 7, 2**31, 2**63, 2**64 - 1):
        packed = Packed(data)
        packed.text_size = value
        yield f"size of the table = {value}", packed
    for text in (b"", b"[" * 100_000, b"\xff" * 8, b'{"source":'):
        packed = Packed(data)
        packed.text, packed.text_size = text, len(text)
        yield f"table of {text[:10]!r}", packed
    for what, table in _tables(json.loads(Packed(data).text)):
        yield what, Packed(data).with_table(table)
    for size in (0, 4, 1000):
        packed = Packed(data)
        packed.vectors = packed.vectors[:size]
        yield f"vectors cut at {size}", packed
    packed = Packed(data)
    packed.vectors *= 2
    yield "more vectors", packed
    for size in (0, 64, 1000):
        packed = Packed(data)
        packed.image = packed.image[:size]
        yield f"image cut at {size}", packed


def _tables(good: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """The right table with one value changed."""
    for kind in ("matrices", "vectors"):
        rows = good[kind]
        for row in (0, len(rows) // 2, len(rows) - 1):
            for column in range(len(rows[row])):
                for value in (*NUMBERS, *OTHERS):
                    table = copy.deepcopy(good)
                    table[kind][row][column] = value
                    yield f"{kind}[{row}][{column}] = {value}", table
        lists = (None, 1, "x", {}, [], [[]], [1], rows[:-1], rows * 2, [rows[1], rows[0], *rows[2:]])
        yield from ((f"{kind} = list {index}", good | {kind: value}) for index, value in enumerate(lists))
    for key in good:
        yield f"without {key}", {name: value for name, value in good.items() if name != key}
        yield from ((f"{key} = {value}", good | {key: value}) for value in OTHERS)
    yield from ((f"table {index}", table) for index, table in enumerate((None, [], 1, "x", good["vectors"])))


def harmless(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Files whose tables are right and whose numbers are any: they may be used, and must do no harm."""
    chance = np.random.default_rng(0)
    for name, image in (
        ("image of ones", b"\xff" * len(Packed(data).image)),
        ("image of zeros", b"\0" * len(Packed(data).image)),
        ("image of noise", chance.bytes(len(Packed(data).image))),
    ):
        packed = Packed(data)
        packed.image = image
        yield name, packed.bytes()
    for value in (np.nan, np.inf, -np.inf, 0.0, 1e38):
        packed = Packed(data)
        packed.vectors = np.full(len(packed.vectors) // 4, value, np.float32).tobytes()
        yield f"vectors of {value}", packed.bytes()


def main(model: Path, folder: Path) -> None:
    from autogpt_desktop import paths
    from autogpt_desktop.engine.load import load, run_to_end
    from autogpt_desktop.engine.native.decoder import NativeDecoder

    logging.disable(logging.CRITICAL)
    file = paths.packed_file(model, folder)
    asked: list[Any] = []  # what the last load asked its cache with
    open_cache = packed_cache.PackedCache.open

    def recorded(*arguments: Any) -> packed_cache.PackedWeights | None:
        asked[:] = arguments
        return open_cache(*arguments)

    packed_cache.PackedCache.open = recorded  # type: ignore[method-assign]

    def use() -> tuple[NativeDecoder, bytes]:
        engine = run_to_end(load(model, device="cpu", packed_cache=folder))
        decoder = engine.decoder
        assert isinstance(decoder, NativeDecoder)
        for writer in decoder._writers:
            writer.join()
        logits = decoder.forward([(decoder.new_state(), [3, 1, 4, 1, 5])], "all")[0]
        engine.close()
        return decoder, logits.numpy().tobytes()

    use()
    good = file.read_bytes()
    first, expected = use()  # kept: its threads are lent
    assert first._mapped is not None
    question = list(asked)
    assert Packed(good).bytes() == good, "the forger makes right files"
    for index, (what, data) in enumerate(forgeries(good)):
        print(what, flush=True)
        file.unlink(missing_ok=True)
        file.write_bytes(data)
        if index % 40:
            assert open_cache(*question) is None, "it was believed"
            assert not file.exists(), "it was not set aside"
        else:
            decoder, logits = use()
            assert decoder._mapped is None, "it was believed"
            assert logits == expected, "other answers"
            assert file.read_bytes() == good, "it was not packed anew"
    for what, data in harmless(good):
        print(what, flush=True)
        file.unlink(missing_ok=True)
        file.write_bytes(data)
        use()
    print("all refused or harmless", flush=True)


if __name__ == "__main__":
    if len(sys.argv) > 3:  # the library beside ``native``'s __init__.py is looked for there
        native.__file__ = str(Path(sys.argv[3]).parent / "__init__.py")
    main(Path(sys.argv[1]), Path(sys.argv[2]))
