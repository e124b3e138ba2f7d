"""Text to token ids and back, for GGUF files and Hugging Face folders alike.

Control tokens (``<|im_end|>``) are only ever read out of text where the caller asks for it; what a
user types stays plain text.
"""

from __future__ import annotations

import codecs
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # read at import: the cores belong to the model

import numpy as np

from autogpt_desktop.engine.tokenizer import bpe
from autogpt_desktop.engine.tokenizer.special_tokens import END_OF_TURN, ends_turn
from autogpt_desktop.errors import KnownError
from autogpt_desktop.thinking import mark_tokens

# tokens that open a turn: control tokens even where a file marks them as text
_START_OF_TURN = frozenset({"<|im_start|>", "<|start_header_id|>", "<|end_header_id|>", "<start_of_turn>"})

_NORMAL, _UNKNOWN, _CONTROL, _USER_DEFINED, _UNUSED, _BYTE = 1, 2, 3, 4, 5, 6  # GGUF token types


def _byte_alphabet() -> dict[str, int]:
    """GPT-2's characters for bytes: printable Latin-1 stands for itself, the rest follows from U+0100."""
    plain = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    alphabet = {chr(byte): byte for byte in plain}
    rest = [byte for byte in range(256) if byte not in set(plain)]
    alphabet |= {chr(256 + index): byte for index, byte in enumerate(rest)}
    return alphabet


_BYTE_OF = _byte_alphabet()
_PART = 1 << 15  # tokens
_BYTE_TOKEN = re.compile(r"<0x([0-9A-Fa-f]{2})>")


class Tokenizer:
    """``encode`` and ``decode`` of one model. Build with ``from_gguf`` or ``from_folder``."""

    def __init__(
        self,
        tokens: Sequence[str],
        encode_texts: Callable[[Sequence[str]], list[list[int]]],
        *,
        byte_level: bool,
        control: Mapping[str, int],
        literal: Mapping[str, int],
        bos_id: int | None,
        eos_ids: Iterable[int],
        eos_id: int | None,
        add_bos: bool,
        space_prefix: bool = False,
        strip_space: bool = False,
        chat_template: str | None = None,
    ) -> None:
        """``control``: tokens that are never text. ``literal``: tokens matched in the text before all
        others. ``encode_texts`` does what lies between them, with a space in front if ``space_prefix``;
        ``strip_space``: decoding takes one off again."""
        self._tokens = tokens
        self._encode_texts = encode_texts
        self._byte_level = byte_level
        # a token of one character cannot be told from text, nor a mark be put inside it
        self._control = _Finder({token: id for token, id in control.items() if len(token) > 1})
        self._control_ids = frozenset(control.values())
        self.turn_ids = frozenset(id for token, id in control.items() if token in _START_OF_TURN)
        self._marks = mark_tokens(control.keys())
        self._mark_ids = frozenset(control[token] for token in self._marks)
        self._literal = _Finder(literal)
        self._literal_ids = frozenset(literal.values())
        self._space_prefix = space_prefix
        self.strip_space = strip_space
        self._bytes: dict[int, bytes] = {}
        self.vocab_size = len(tokens)
        self.bos_id = bos_id
        self.eos_id = eos_id
        self.eos_ids = frozenset(eos_ids)
        self.add_bos = add_bos and bos_id is not None
        self.chat_template = chat_template

    @property
    def bos_token(self) -> str:
        return "" if self.bos_id is None else self._tokens[self.bos_id]

    @property
    def eos_token(self) -> str:
        return "" if self.eos_id is None else self._tokens[self.eos_id]

    def encode(
        self, text: str, *, add_special: bool = True, parse_special: bool = False, mark: str = ""
    ) -> list[int]:
        """The ids of ``text``.

        ``add_special``: bos in front if the model wants it (and the text does not bring it).
        ``parse_special``: control tokens in the text become ids; only for rendered templates.
        ``mark``: taken out of the text after control tokens were read; one put inside what looks like a
        control token keeps it plain text.
        """
        text = text.encode("utf-8", "replace").decode("utf-8")  # lone surrogates cannot be encoded
        pieces: list[int | str] = []
        for part in self._control.split(text) if parse_special else [text]:
            if isinstance(part, int):
                pieces.append(part)
            else:
                pieces += self._literal.split(part.replace(mark, "") if mark else part)
        plain = [piece for piece in pieces if isinstance(piece, str)]
        encoded = iter(self._encode_texts([" " + one for one in plain] if self._space_prefix else plain))
        ids: list[int] = []
        for piece in pieces:
            if isinstance(piece, int):
                ids.append(piece)
            else:
                ids += next(encoded)
        if add_special and self.add_bos and self.bos_id is not None and ids[:1] != [self.bos_id]:
            ids.insert(0, self.bos_id)
        return ids

    def decode(self, ids: Iterable[int], *, skip_special: bool = True) -> str:
        """The text of ``ids``; bytes that are no character become U+FFFD."""
        stream = self.stream(skip_special=skip_special)
        return "".join([*map(stream.push, ids), stream.finish()])

    def token_text(self, id: int) -> str:
        """One token for people to read: control tokens as written, half characters as U+FFFD."""
        return self._bytes_of(id).decode("utf-8", "replace")

    def token_bytes(self, id: int) -> bytes:
        """What one token stands for; a part of a character is possible."""
        return self._bytes_of(id)

    def stream(self, *, skip_special: bool = True) -> StreamDecoder:
        """A decoder for ids that come one by one."""
        return StreamDecoder(self, skip_special)

    def escape_special_tokens(self, text: str, mark: str) -> str:
        """``text`` with ``mark`` inside all that looks like a control token (see ``encode``)."""
        for token in self._control.present(text):
            text = text.replace(token, token[0] + mark + token[1:])
        return text

    def encode_answer(self, text: str) -> list[int]:
        """The ids of what the model wrote: of control tokens it holds those that mark its thinking."""
        mark = "\ufdd0\ufddf\ufdd1"
        for token in self._control.present(text):
            if token not in self._marks:
                text = text.replace(token, token[0] + mark + token[1:])
        return self.encode(text, add_special=False, parse_special=True, mark=mark)

    def is_control(self, id: int) -> bool:
        return id in self._control_ids

    def marks_thinking(self, id: int) -> bool:
        """Is it a control token that tells thought from answer? It belongs to the text."""
        return id in self._mark_ids

    def _bytes_of(self, id: int) -> bytes:
        """What a token stands for; KeyError-free: ids beyond the vocabulary (padding rows) are empty."""
        known = self._bytes.get(id)
        if known is None:
            known = self._bytes[id] = self._make_bytes(id)
        return known

    def _make_bytes(self, id: int) -> bytes:
        if not 0 <= id < len(self._tokens):
            return b""
        token = self._tokens[id]
        if id in self._control_ids or id in self._literal_ids:
            return token.encode("utf-8", "replace")
        if self._byte_level:
            if all(character in _BYTE_OF for character in token):
                return bytes(_BYTE_OF[character] for character in token)
            return token.encode("utf-8", "replace")
        match = _BYTE_TOKEN.fullmatch(token)
        if match:
            return bytes([int(match[1], 16)])
        return token.replace(bpe.SPACE, " ").encode("utf-8", "replace")

    @classmethod
    def from_gguf(cls, metadata: Mapping[str, Any]) -> Tokenizer:
        """From a GGUF file's ``tokenizer.ggml.*``.

        Raises KnownError: tokenizer-missing, tokenizer-broken (value), tokenizer-unknown (kind).
        """
        values = _Metadata(metadata)
        tokens, types = values.tokens()
        model = values.text("model")
        if model == "gpt2":
            encode = _gguf_byte_level(values, tokens, types)
        elif model == "llama":
            encode = _gguf_sentence_piece(values, tokens, types)
        else:
            raise KnownError("tokenizer-unknown", kind=model[:80])
        bos_id, eos_id = values.id("bos_token_id"), values.id("eos_token_id")
        named = (eos_id, values.id("eot_token_id"), values.id("eom_token_id"))
        ends = {id for id in named if id is not None}
        always = ends if bos_id is None else ends | {bos_id}
        control: dict[str, int] = {}
        literal: dict[str, int] = {}
        for id in always.union(np.flatnonzero(types != _NORMAL).tolist()):
            token, kind = tokens[id], int(types[id])
            if kind == _CONTROL or id in always or token in END_OF_TURN | _START_OF_TURN:
                control[token] = id
            elif kind == _USER_DEFINED:
                literal[token] = id
        ends = {id for id in ends if ends_turn(tokens[id], control)}
        ends |= {control[token] for token in END_OF_TURN if token in control and ends_turn(token, control)}
        wants_bos = model == "llama" or values.text("pre", "") in bpe.WANTS_BOS
        prefix = model == "llama" and values.flag("add_space_prefix", True)
        template = metadata.get("tokenizer.chat_template")
        return cls(
            tokens,
            encode,
            byte_level=model == "gpt2",
            control=control,
            literal=literal,
            bos_id=bos_id,
            eos_id=eos_id,
            eos_ids=ends,
            add_bos=values.flag("add_bos_token", wants_bos),
            space_prefix=prefix,
            strip_space=prefix,
            chat_template=template if isinstance(template, str) and template.strip() else None,
        )

    @classmethod
    def from_folder(cls, path: Path | str) -> Tokenizer:
        """From a Hugging Face folder: ``tokenizer.json`` and what lies beside it."""
        from autogpt_desktop.engine.tokenizer.hf import read_folder

        return cls(**read_folder(Path(path)))


class StreamDecoder:
    """Ids in, whole characters out; a character split over tokens waits for its last byte."""

    def __init__(self, tokenizer: Tokenizer, skip_special: bool = True) -> None:
        self._tokenizer = tokenizer
        self._skip = skip_special
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._at_start = tokenizer.strip_space  # the space that encode put in front

    def push(self, id: int) -> str:
        """The text that ``id`` completes; empty for control tokens and half characters."""
        if self._tokenizer.is_control(id) and not self._tokenizer.marks_thinking(id):
            if self._skip:
                return ""
            self._at_start = False
        text = self._decoder.decode(self._tokenizer._bytes_of(id))
        if self._at_start and text:
            self._at_start = False
            return text.removeprefix(" ")
        return text

    def finish(self) -> str:
        """What is left: U+FFFD if the last character never came whole."""
        return self._decoder.decode(b"", final=True)


class _Finder:
    """Finds a few of many tokens in a text."""

    def __init__(self, ids: Mapping[str, int]) -> None:
        self._ids = {token: id for token, id in ids.items() if token}
        self._families: dict[str, list[str]] = {}  # by their first characters, to pass over most at once
        for token in self._ids:
            self._families.setdefault(token[:4], []).append(token)

    def present(self, text: str) -> list[str]:
        """The tokens that occur in ``text``."""
        families = [tokens for head, tokens in self._families.items() if head in text]
        return [token for tokens in families for token in tokens if token in text]

    def split(self, text: str) -> list[int | str]:
        """``text`` cut at tokens, the leftmost first and of those the longest; no empty strings."""
        found = sorted(self.present(text), key=len, reverse=True)
        if not found:
            return [text] if text else []
        parts = re.split(f"({'|'.join(map(re.escape, found))})", text)
        return [self._ids[part] if index % 2 else part for index, part in enumerate(parts) if part]


class _Metadata:
    """Checked access to ``tokenizer.ggml.*``."""

    def __init__(self, metadata: Mapping[str, Any]) -> None:
        self.metadata = metadata

    def get(self, key: str) -> Any:
        return self.metadata.get(f"tokenizer.ggml.{key}")

    def text(self, key: str, default: str | None = None) -> str:
        value = self.get(key)
        if value is None and default is not None:
            return default
        if value is None:
            raise KnownError("tokenizer-missing")
        if not isinstance(value, str):
            raise KnownError("tokenizer-broken", value=key)
        return value

    def flag(self, key: str, default: bool) -> bool:
        value = self.get(key)
        return value if isinstance(value, bool) else default

    def id(self, key: str) -> int | None:
        value = self.get(key)
        if value is None:
            return None
        if not isinstance(value, int) or not 0 <= value < len(self.get("tokens")):
            raise KnownError("tokenizer-broken", value=key)
        return value

    def strings(self, key: str) -> list[str]:
        value = self.get(key)
        if value is None:
            raise KnownError("tokenizer-missing")
        if not isinstance(value, list) or (value and not isinstance(value[0], str)):
            raise KnownError("tokenizer-broken", value=key)
        return value

    def tokens(self) -> tuple[list[str], np.ndarray]:
        """The tokens and their types, [tokens]."""
        tokens, types = self.strings("tokens"), self.get("token_type")
        if not tokens:
            raise KnownError("tokenizer-missing")
        if types is None:
            return tokens, np.full(len(tokens), _NORMAL)
        if not isinstance(types, np.ndarray) or types.dtype.kind not in "iu" or len(types) != len(tokens):
            raise KnownError("tokenizer-broken", value="token_type")
        return tokens, types


def _normal_ids(tokens: list[str], types: np.ndarray) -> dict[str, int]:
    """The tokens that are text; of two alike, the later. A quarter of a million of them are read at every
    load: no Python loop goes over all, and other threads get their turn between the parts."""
    ids: dict[str, int] = {}
    others = np.flatnonzero(types != _NORMAL)
    starts, stops = [0, *(others + 1).tolist()], [*others.tolist(), len(tokens)]
    for first, last in zip(starts, stops, strict=True):
        for start in range(first, last, _PART):
            stop = min(last, start + _PART)
            ids.update(zip(tokens[start:stop], range(start, stop), strict=True))
    return ids


def _gguf_byte_level(
    values: _Metadata, tokens: list[str], types: np.ndarray
) -> Callable[[Sequence[str]], list[list[int]]]:
    """The encoder of GPT-2's kind: merges are listed, ``pre`` names how words are cut."""
    pre = values.text("pre", "default")
    if pre not in bpe.PRE_TOKENIZERS:
        raise KnownError("tokenizer-unknown", kind=pre[:80])
    ids = _normal_ids(tokens, types)
    if not all(character in ids for character in _BYTE_OF):
        # a text could hold what the model cannot read: some vocabularies list a byte as something else
        ids |= {token: id for id, token in enumerate(tokens) if token in _BYTE_OF}
    return bpe.byte_level(ids, values.strings("merges"), bpe.PRE_TOKENIZERS[pre]).encode


def _gguf_sentence_piece(
    values: _Metadata, tokens: list[str], types: np.ndarray
) -> Callable[[Sequence[str]], list[list[int]]]:
    """The encoder of SentencePiece's BPE kind: scores tell which merge comes first."""
    scores = values.get("scores")
    numbers = isinstance(scores, np.ndarray) and scores.dtype.kind == "f"
    if not numbers or len(scores) != len(tokens) or not np.isfinite(scores).all():
        raise KnownError("tokenizer-broken", value="scores")
    order = np.argsort(-scores, kind="stable")
    ranks = np.full(len(tokens), bpe.NO_RANK, np.int32)
    ranks[order] = np.arange(len(tokens), dtype=np.int32)
    normal = types == _NORMAL
    ids = _normal_ids(tokens, types)
    spare = {tokens[id]: id for id in np.flatnonzero(types == _BYTE).tolist()}
    unknown = values.id("unknown_token_id")
    if unknown is not None:
        spare[tokens[unknown]] = unknown
    name = None if unknown is None else tokens[unknown]
    distinct = len(ids) == int(normal.sum()) and not any(token in ids for token in spare)
    ids |= spare
    if not distinct:  # a text that two tokens have goes by the later one's rank, and by the spare one's id
        for rank, id in enumerate(order.tolist()):
            if types[id] == _NORMAL:
                ranks[ids[tokens[id]]] = rank
                normal[ids[tokens[id]]] = True
    ranks[~normal] = bpe.NO_RANK
    return bpe.sentence_piece(ids, ranks, list(spare), name).encode
