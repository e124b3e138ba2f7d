"""Byte-pair merging over large vocabularies, on the ``tokenizers`` package.

``tokenizers`` builds its tables while it holds the interpreter's lock: 0.6 s for the 262,144 tokens of
Gemma, and the window stands still. A text needs few of them: merging only ever joins neighbors, so a
word's ids depend on nothing but the pieces that occur in the word. Each call therefore hands
``tokenizers`` the pieces (and their merges) of the words it has not met yet, and remembers the ids.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import numpy as np
from tokenizers import Regex, Tokenizer, normalizers, pre_tokenizers
from tokenizers.models import BPE

SPACE = "▁"  # how the sentence-piece kind writes a space

_MAX_REMEMBERED = 100_000  # words
_MAX_REMEMBERED_LENGTH = 64  # characters; longer words seldom come back
_MAX_CROSSING = 64
_SHORT = 8  # characters; where no piece is longer, all of these lengths are looked up
NO_RANK = -1
_MAX_PIECE = 1024  # characters; no vocabulary has longer ones, and to look for them takes long

Words = Callable[[str], Iterable[str]]
Merges = Callable[[str], Iterator[tuple[int, str, str]]]  # a piece -> (rank, left, right)

LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
QWEN2 = LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")
QWEN35 = (  # a mark belongs to the letter before it
    QWEN2.replace(r"?\p{L}+|", r"?[\p{L}\p{M}]+|").replace(r" ?[^\s\p{L}", r" ?[^\s\p{L}\p{M}")
)
# Words in one case of letters, or begun with a capital; contractions belong to them, or are left out.
_CASED = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+@"
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*@"
    r"|\p{N}#| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
GPT4O = _CASED.replace("@", r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?").replace("#", "{1,3}")
TEKKEN = _CASED.replace("@", "").replace("#", "")
DEEPSEEK3 = (
    r"\p{N}{1,3}",
    "[一-龥぀-ゟ゠-ヿ]+",
    r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"""
    r"""| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+""",
)
# what each kind cuts with, one pattern after the other
_PATTERNS: dict[str, tuple[str, ...]] = {
    "qwen2": (QWEN2,), "qwen35": (QWEN35,), "llama-bpe": (LLAMA3,), "cl100k": (LLAMA3,),
    "gpt-4o": (GPT4O,), "tekken": (TEKKEN,), "deepseek-v3": DEEPSEEK3,
}  # fmt: skip
_WHOLE_WORDS = ("llama-bpe", "tekken")  # a word that is a token is one, whatever its merges give
PRE_TOKENIZERS = {
    "default": "gpt-2", "gpt-2": "gpt-2", "gpt2": "gpt-2", "olmo": "gpt-2", "phi-2": "gpt-2",
    "granite-docling": "gpt-2",
    "smollm": "smollm", "refact": "smollm", "starcoder": "smollm",
    "qwen2": "qwen2", "deepseek-r1-qwen": "qwen2", "qwen35": "qwen35", "hunyuan": "qwen2",
    "llama-bpe": "llama-bpe", "llama3": "llama-bpe", "llama-v3": "llama-bpe", "pixtral": "llama-bpe",
    "lfm2": "llama-bpe",
    "smaug-bpe": "cl100k", "dbrx": "cl100k",
    "gpt-4o": "gpt-4o", "llama4": "gpt-4o",
    "tekken": "tekken",
    "deepseek-v3": "deepseek-v3", "hunyuan-dense": "deepseek-v3",
}  # fmt: skip
"""GGUF's names of the ways to cut a text into words, and which of ours each one means."""
WANTS_BOS = frozenset(name for name, kind in PRE_TOKENIZERS.items() if kind in ("llama-bpe", "tekken"))
"""Those whose texts begin with that token unless the file says otherwise."""


class WordBPE:
    """Words to ids, by merging pieces of a vocabulary."""

    def __init__(
        self,
        ids: Mapping[str, int],
        words: Words,
        merges: Merges,
        always: Sequence[str] = (),
        **options: object,
    ) -> None:
        """``ids``: the pieces that may be merged into. ``words`` cuts a text so that no piece crosses
        a cut. ``merges`` gives every way to make a piece. ``always``: pieces that stand for others.
        ``options`` go to ``tokenizers``' BPE."""
        self._ids = ids
        self._words = words
        self._merges = merges
        self._options = options
        self._remembered: dict[str, list[int]] = {}
        self._always = always
        # the longest piece that starts with these three characters, unless it is a short one: of several
        # entries with a key a dictionary keeps the last
        pieces = list(ids)
        lengths = np.fromiter(map(len, pieces), np.int64, len(pieces))
        long = np.flatnonzero((lengths > _SHORT) & (lengths <= _MAX_PIECE))
        long = long[np.argsort(lengths[long], kind="stable")]
        heads = [pieces[index][:3] for index in long.tolist()]
        self._longest: dict[str, int] = dict(zip(heads, lengths[long].tolist(), strict=True))
        # a run of one character holds no other pieces than its first characters do
        self._most = max(_SHORT, *self._longest.values()) if self._longest else _SHORT
        self._runs = re.compile(rf"(.)\1{{{self._most},}}", re.DOTALL)

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """The ids of each text."""
        split = [list(self._words(text)) for text in texts]
        if len(self._remembered) > _MAX_REMEMBERED:
            self._remembered.clear()
        known = self._remembered
        new = list({word for words in split for word in words if word not in known})
        fresh = dict(zip(new, self._encode_words(new), strict=True)) if new else {}
        found: list[list[int]] = []
        for words in split:
            ids: list[int] = []
            for word in words:
                ids += known[word] if word in known else fresh[word]
            found.append(ids)
        known.update((word, ids) for word, ids in fresh.items() if len(word) <= _MAX_REMEMBERED_LENGTH)
        return found

    def _encode_words(self, words: list[str]) -> list[list[int]]:
        """Build a BPE of just the pieces in ``words``, and run it (without the interpreter's lock)."""
        ids = self._ids
        vocabulary = {piece: ids[piece] for piece in self._always}
        merges: list[tuple[int, str, str]] = []
        for piece in self._pieces(words):
            vocabulary[piece] = ids[piece]
            merges.extend(self._merges(piece))
        merges.sort()
        pairs = [(left, right) for _, left, right in merges]
        merger = Tokenizer(BPE(vocab=vocabulary, merges=pairs, **self._options))
        return [encoding.ids for encoding in merger.encode_batch_fast(words, add_special_tokens=False)]

    def _shortened(self, run: re.Match[str]) -> str:
        return run[1] * (self._most + 1)

    def _pieces(self, words: list[str]) -> set[str]:
        """Every piece of the vocabulary that occurs in any of ``words``."""
        ids, longest = self._ids, self._longest
        pieces = {character for word in words for character in word if character in ids}
        for word in words:
            if len(word) > self._most:
                word = self._runs.sub(self._shortened, word)
            size = len(word)
            for start in range(size - 1):
                piece = word[start : start + 2]
                if piece in ids:
                    pieces.add(piece)
                reach = longest.get(word[start : start + 3], _SHORT)
                for stop in range(start + 3, min(size, start + reach) + 1):
                    piece = word[start:stop]
                    if piece in ids:
                        pieces.add(piece)
        return pieces


def _crossing(ids: Iterable[str]) -> list[str]:
    """The pieces with a space behind something else. They are found in all pieces at once."""
    every = list(ids)
    joined = _BETWEEN.join(every)
    if joined.count(_BETWEEN) != len(every) - 1:
        return [piece for piece in every if SPACE in piece.lstrip(SPACE)]
    found = set()
    for match in _INSIDE.finditer(joined):
        start, stop = joined.rfind(_BETWEEN, 0, match.end()) + 1, joined.find(_BETWEEN, match.end())
        found.add(joined[start : stop if stop >= 0 else len(joined)])
    return list(found)


_BETWEEN = "\0"
_INSIDE = re.compile(f"[^{SPACE}{_BETWEEN}]{SPACE}")
_LONG = 20_000  # characters
# a letter behind the one newline at the end of a line starts a word in every pattern here
_LINES = re.compile(rf"(?s:.{{{_LONG}}}.*?\S\n(?=[^\W\d_])|.+)")
_SPACED_WORD = re.compile(f"{SPACE}*[^{SPACE}]+|{SPACE}+")


def byte_level(ids: Mapping[str, int], merges: Sequence[str], kind: str) -> WordBPE:
    """The kind of GPT-2: bytes written as characters, merges in order. ``kind``: see PRE_TOKENIZERS."""
    ranks = dict(zip(merges, range(len(merges)), strict=True))

    def ways(piece: str) -> Iterator[tuple[int, str, str]]:
        for cut in range(1, len(piece)):
            left, right = piece[:cut], piece[cut:]
            rank = ranks.get(f"{left} {right}")
            if rank is not None and left in ids and right in ids:
                yield rank, left, right

    pre_tokenizer = _pre_tokenizer(kind)
    normalizer = normalizers.NFC() if kind in _NFC else None

    def words(text: str) -> Iterable[str]:
        if normalizer:
            text = normalizer.normalize_str(text)
        if len(text) < _LONG:
            return [word for word, _ in pre_tokenizer.pre_tokenize_str(text)]
        parts = _LINES.findall(text)  # the interpreter's lock is let go between them
        return [word for part in parts for word, _ in pre_tokenizer.pre_tokenize_str(part)]

    return WordBPE(ids, words, ways, ignore_merges=kind in _WHOLE_WORDS)


_NFC = ("qwen2", "qwen35")  # whose texts are composed first


def _pre_tokenizer(kind: str) -> pre_tokenizers.PreTokenizer:
    if kind == "gpt-2":
        return pre_tokenizers.ByteLevel(add_prefix_space=False)
    if kind == "smollm":
        digits = pre_tokenizers.Digits(individual_digits=True)
        return pre_tokenizers.Sequence([digits, pre_tokenizers.ByteLevel(add_prefix_space=False)])
    cuts = [pre_tokenizers.Split(Regex(pattern), "isolated") for pattern in _PATTERNS[kind]]
    to_bytes = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    return pre_tokenizers.Sequence([*cuts, to_bytes])


def sentence_piece(
    ids: Mapping[str, int], ranks: np.ndarray, spare: Sequence[str], unknown: str | None
) -> WordBPE:
    """The kind of SentencePiece's BPE: of all neighbors, those that make the piece of the best score
    are joined first. ``ranks`` [tokens]: each mergeable piece's place in the order of scores, NO_RANK for
    others. ``spare``: the byte tokens (and ``unknown``) that stand in for characters the vocabulary
    lacks; ``ids`` has both."""

    def rank_of(piece: str) -> int:
        id = ids.get(piece)
        return NO_RANK if id is None else int(ranks[id])

    def ways(piece: str) -> Iterator[tuple[int, str, str]]:
        rank = rank_of(piece)
        if rank == NO_RANK:
            return
        for cut in range(1, len(piece)):
            left, right = piece[:cut], piece[cut:]
            if rank_of(left) != NO_RANK and rank_of(right) != NO_RANK:
                yield rank, left, right

    crossing = [piece for piece in _crossing(ids) if rank_of(piece) != NO_RANK]

    def words(text: str) -> Iterable[str]:
        text = text.replace(" ", SPACE)
        if len(crossing) > _MAX_CROSSING or any(piece in text for piece in crossing):
            return [text]  # a piece may reach over a space: no place to cut
        return _SPACED_WORD.findall(text)

    return WordBPE(ids, words, ways, spare, unk_token=unknown, fuse_unk=True, byte_fallback=True)
