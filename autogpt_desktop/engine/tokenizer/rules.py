"""What the rules of a stranger's tokenizer.json may do to a text: how much longer they make it, and whether
their patterns are ones that are known to be quick. All others run in a child process with limits.
"""

from __future__ import annotations

import json
import threading
import weakref
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import tokenizers
from tokenizers import Regex, normalizers

from autogpt_desktop import sandbox
from autogpt_desktop.engine.tokenizer import bpe, encode_child
from autogpt_desktop.errors import KnownError

MOST_GROWTH = 64.0  # times as long as the text; the usual rules keep its length
MOST_PREFIX = 1 << 12  # characters in front of it
_EVERY_KIND = "ab A1 \n._中"
MOST_STEPS = 100  # each goes over the whole text
ENCODE_SECONDS = 10.0  # of one call, which is a prompt at most
START_SECONDS = 60.0  # a cold disk, a busy machine, a large word list

# of GPT-2 and its kin, Llama 3, Qwen 2, GPT-4 and 4o, Mistral, DeepSeek: their time is in proportion to
# the text's length
_KNOWN = frozenset({
    bpe.LLAMA3, bpe.QWEN2, bpe.QWEN35, bpe.GPT4O, bpe.TEKKEN, *bpe.DEEPSEEK3,
    bpe.LLAMA3.replace("(?i:'s|'t|'re|'ve|'m|'ll|'d)", "(?i:[sdmt]|ll|ve|re)"),
    r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
    r"\p{N}{1,3}", r"\p{N}", r"\d", r"\d{3}", r"\d{1,3}", "[0-9]", "[0-9][0-9][0-9]", " ", r"\s+", r"\s",
    "[\r\n]", "[一-龥]+", "[一-龥぀-ゟ゠-ヿ]+", "▁", " {2,}", "\n", r"\n",
})  # fmt: skip


def steps(native: tokenizers.Tokenizer, part: str) -> list[dict[str, Any]]:
    """The steps of the normalizer, pre-tokenizer or decoder, sequences laid flat."""
    step = getattr(native, part)
    return [] if step is None else list(_flat(json.loads(step.__getstate__())))


def _flat(state: dict[str, Any]) -> Iterator[dict[str, Any]]:
    inner = [state.get(name) for name in ("normalizers", "pretokenizers", "decoders")]
    parts = next((one for one in inner if isinstance(one, list)), None)
    if parts is None:
        yield state
    else:
        for part in parts:
            yield from _flat(part)


def check_growth(native: tokenizers.Tokenizer) -> None:
    """Raises ValueError for rules that make texts far longer: a few in a row fill any memory."""
    all_steps = steps(native, "normalizer")
    growth, prefix = 1.0, 0.0
    for step in all_steps:
        times, more = 1.0, 0
        if step["type"] == "Replace":
            pattern, content = step["pattern"], step["content"]
            times = max(1.0, len(content) / max(1, len(pattern.get("String", ""))))
            if "Regex" in pattern and _inserts(pattern["Regex"]):
                times += 1.0
        elif step["type"] == "Prepend":
            more = len(step["prepend"])
        growth, prefix = growth * times, prefix * times + more
    if growth > MOST_GROWTH or prefix > MOST_PREFIX or len(all_steps) > MOST_STEPS:
        raise ValueError("its rules make texts too long")


def _inserts(pattern: str) -> bool:
    """Does it match between characters, where a replacement takes the place of none?"""
    mark = "\ue000"
    text = normalizers.Replace(Regex(pattern), mark).normalize_str(_EVERY_KIND)
    return mark in text and text.replace(mark, "") == _EVERY_KIND


def are_known(native: tokenizers.Tokenizer) -> bool:
    """Are all patterns known to be quick?"""
    return all(
        step.get("pattern", {}).get("Regex", " ") in _KNOWN
        for part in ("normalizer", "pre_tokenizer")
        for step in steps(native, part)
    )


class ChildEncoder:
    """Encodes in a child process, which is started when it is made and ends with this object."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._child: sandbox.Child | None = self._start()

    def _start(self) -> sandbox.Child:
        places = dict.fromkeys(map(sandbox.folder_of, ("tokenizers", "autogpt_desktop")))
        child = sandbox.start(encode_child.__file__, list(places), encode_child.serve)
        self._finalizer = weakref.finalize(self, child.stop)
        return child

    def encode(self, texts: Sequence[str], *, special: bool = False) -> list[list[int]]:
        """The ids of each text. Raises KnownError: tokenizer-hangs, and ValueError where it fails."""
        request = json.dumps({"texts": list(texts), "special": special}).encode()
        with self._lock:
            for _ in range(2):  # it may have been ended from outside, perhaps long ago: once more
                self._child = self._child or self._start()
                first = json.dumps({"file": str(self._file.resolve())}).encode()
                try:
                    data = sandbox.ask(
                        self._child, request, ENCODE_SECONDS, start_seconds=START_SECONDS, first=first
                    )
                except TimeoutError:
                    self._stop()
                    raise KnownError("tokenizer-hangs", name=self._file.parent.name) from None
                except (EOFError, OSError):
                    self._stop()
                    continue
                reply = json.loads(data)
                if "error" in reply:
                    raise ValueError(reply["error"])
                ids: list[list[int]] = reply["ids"]
                return ids
        raise ValueError("its process ended")  # of memory, most likely

    def _stop(self) -> None:
        self._finalizer()
        self._child = None
