"""Token ids against the reference tokenizers, and what decoding promises."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import regex
import tokenizers
from tokenizers import decoders, models, normalizers, pre_tokenizers

from autogpt_desktop import i18n
from autogpt_desktop.engine.formats.gguf import read_gguf
from autogpt_desktop.engine.tokenizer import bpe
from autogpt_desktop.engine.tokenizer.tokenizer import Tokenizer
from autogpt_desktop.errors import KnownError
from tests.reference_tokenizers import (
    GPT2,
    LLAMA3,
    QWEN35,
    byte_pair_reference,
    cut_smollm,
    sentence_piece_reference,
)
from tests.texts import SENTENCES, SPACES, multilingual_text
from tests.tiny import tiny_tokenizer, write_tiny_gguf

pytestmark = pytest.mark.slow  # together they take seconds


@pytest.fixture(scope="module")
def starter(starter_gguf: Path) -> Tokenizer:
    return Tokenizer.from_gguf(read_gguf(starter_gguf).metadata)


@pytest.fixture(scope="module")
def gemma_metadata(gemma_gguf: Path) -> dict[str, Any]:
    return read_gguf(gemma_gguf).metadata


@pytest.fixture(scope="module")
def gemma(gemma_metadata: dict[str, Any]) -> Tokenizer:
    return Tokenizer.from_gguf(gemma_metadata)


def odd_strings(count: int, seed: int = 0) -> list[str]:
    """Short strings over small alphabets: repetitions are where the order of merges shows."""
    chance = random.Random(seed)
    alphabets = ["ab", "ha ", "a.", "=-", "01 ", "<b>/ \n", "an", "不的是 ", " \n\t", "aeiou ", "'st "]
    alphabets.append("ée\u0301")
    return [
        "".join(chance.choice(alphabet) for _ in range(chance.randrange(1, 60)))
        for alphabet in (chance.choice(alphabets) for _ in range(count))
    ]


# --- ids equal the reference's


def test_the_text_is_what_it_should_be() -> None:
    text = multilingual_text()
    assert len(text) == 20_000
    assert text == multilingual_text()
    for piece in (*SPACES[:20], "😀", "👩\u200d👩", "我想", "ﬁ", "ال", "\u0301", "def fib", "\u200b"):
        assert piece in text or piece in "".join(SENTENCES), repr(piece)


def test_starter_equals_the_byte_pair_reference(starter_gguf: Path, starter: Tokenizer) -> None:
    reference = byte_pair_reference(read_gguf(starter_gguf).metadata, cut_smollm)
    text = multilingual_text()
    assert starter.encode(text) == reference(text)
    for odd in odd_strings(300):
        assert starter.encode(odd) == reference(odd), odd


def test_gemma_equals_sentencepiece(gemma_metadata: dict[str, Any], gemma: Tokenizer) -> None:
    reference = sentence_piece_reference(gemma_metadata, prefix=False)
    for seed in (1, 2):
        text = multilingual_text(seed=seed)
        assert gemma.encode(text, add_special=False) == reference.encode(text)
    for odd in odd_strings(500):
        assert gemma.encode(odd, add_special=False) == reference.encode(odd), odd


@pytest.mark.weights
@pytest.mark.parametrize("which", ["starter_gguf", "gemma_gguf"])
def test_real_models_equal_llama_cpp(which: str, request: pytest.FixtureRequest) -> None:
    llama_cpp = pytest.importorskip("llama_cpp", reason="llama-cpp-python is not installed")
    path = request.getfixturevalue(which)
    tokenizer = request.getfixturevalue(which.removesuffix("_gguf"))
    model = llama_cpp.Llama(str(path), vocab_only=True, verbose=False)
    try:
        for text in [multilingual_text(), *odd_strings(200)]:
            ids = model.tokenize(text.encode(), add_bos=False, special=False)
            assert tokenizer.encode(text, add_special=False) == ids
        chat = "<|im_start|>user\nHi <|im_end|>\n<start_of_turn>user\nHi<end_of_turn>\n<bos>"
        special = model.tokenize(chat.encode(), add_bos=False, special=True)
        assert tokenizer.encode(chat, add_special=False, parse_special=True) == special
        plain = model.tokenize(chat.encode(), add_bos=False, special=False)
        assert tokenizer.encode(chat, add_special=False) == plain
    finally:
        model.close()


# what the makers' tokenizer.json has
CASED = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|"
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|"
    r"\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
TEKKEN = CASED.replace("(?i:'s|'t|'re|'ve|'m|'ll|'d)?", "").replace("{1,3}", "")
DEEPSEEK = [
    r"\p{N}{1,3}",
    "[一-龥぀-ゟ゠-ヿ]+",
    "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+"
    "| ?[\\p{P}\\p{S}]+[\r\n]*|\\s*[\r\n]+|\\s+(?!\\S)|\\s+",
]


def cut_in_turn(text: str) -> list[str]:
    """DeepSeek's three patterns; each cuts what the ones before left, and keeps what lies between."""
    parts = [text]
    for pattern in DEEPSEEK:
        pieces = [regex.split(f"({pattern})", part) for part in parts]
        parts = [piece for some in pieces for piece in some if piece]
    return parts


@pytest.mark.parametrize("pre", ["dbrx", "smaug-bpe", "refact", "olmo", "gpt-4o", "tekken", "hunyuan-dense"])
def test_the_kinds_of_other_families_equal_the_reference(tmp_path: Path, pre: str) -> None:
    metadata = read_gguf(write_tiny_gguf(tmp_path / "m", pre=pre).path).metadata
    metadata.pop("tokenizer.ggml.add_bos_token", None)
    pattern = {"refact": "", "olmo": GPT2, "gpt-4o": CASED, "tekken": TEKKEN}.get(pre, LLAMA3)
    cut = {"refact": cut_smollm, "hunyuan-dense": cut_in_turn}.get(
        pre, lambda text: [match[0] for match in regex.finditer(pattern, text)]
    )
    tokenizer, reference = Tokenizer.from_gguf(metadata), byte_pair_reference(metadata, cut)
    for text in [multilingual_text(), "ÀB'll CamelCaseIt's ABCd/1234\n/x", *odd_strings(100)]:
        assert tokenizer.encode(text, add_special=False) == reference(text)
        assert tokenizer.decode(tokenizer.encode(text)) == text
    assert tokenizer.add_bos == (pre == "tekken")


@pytest.mark.parametrize("pre", ["default", "gpt-2", "smollm", "qwen2", "qwen35", "llama-bpe", "lfm2"])
def test_byte_level_kinds_equal_the_reference(tmp_path: Path, pre: str) -> None:
    metadata = read_gguf(write_tiny_gguf(tmp_path / "m", pre=pre).path).metadata
    text = multilingual_text()
    normalized = normalizers.NFC().normalize_str(text) if pre.startswith("qwen") else text
    patterns = {"qwen2": LLAMA3.replace("{1,3}", ""), "qwen35": QWEN35}
    patterns |= dict.fromkeys(("llama-bpe", "lfm2"), LLAMA3)
    pattern = patterns.get(pre, GPT2)
    cut = cut_smollm if pre == "smollm" else lambda text: regex.findall(pattern, text)
    tokenizer = Tokenizer.from_gguf(metadata)
    assert tokenizer.encode(text, add_special=False) == byte_pair_reference(metadata, cut)(normalized)
    assert tokenizer.add_bos == (pre in ("llama-bpe", "lfm2")) or "tokenizer.ggml.add_bos_token" in metadata
    assert tokenizer.decode(tokenizer.encode(text)) == normalized


def spm_metadata(pieces: dict[str, float], **more: Any) -> dict[str, Any]:
    """A sentence-piece vocabulary: three specials, bytes, pieces with scores."""
    tokens = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), *pieces]
    types = [2, 3, 3, *[6] * 256, *[1] * len(pieces)]
    return {
        "tokenizer.ggml.model": "llama",
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.scores": np.array([0.0] * 259 + list(pieces.values()), np.float32),
        "tokenizer.ggml.token_type": np.array(types, np.int32),
        "tokenizer.ggml.bos_token_id": 1,
        "tokenizer.ggml.eos_token_id": 2,
        "tokenizer.ggml.unknown_token_id": 0,
        **{f"tokenizer.ggml.{key}": value for key, value in more.items()},
    }


def random_pieces(seed: int) -> dict[str, float]:
    chance = random.Random(seed)
    letters = ["▁", *"abcde", "é", "你"]
    joined = dict.fromkeys(
        "".join(chance.choice(letters) for _ in range(chance.randrange(2, 7))) for _ in range(400)
    )
    return {piece: -float(rank) for rank, piece in enumerate([*joined, *letters])}


@pytest.mark.parametrize("prefix", [True, False])
@pytest.mark.parametrize("seed", range(4))
def test_random_sentence_pieces_equal_sentencepiece(seed: int, prefix: bool) -> None:
    """Pieces with spaces at every place, and merges in an order that no training would give."""
    metadata = spm_metadata(random_pieces(seed), add_space_prefix=prefix)
    reference = sentence_piece_reference(metadata, prefix)
    tokenizer = Tokenizer.from_gguf(metadata)
    chance = random.Random(seed)
    for _ in range(400):
        text = "".join(chance.choice("  aabbccddeé你😀") for _ in range(chance.randrange(1, 40)))
        ids = tokenizer.encode(text, add_special=False)
        assert ids == reference.encode(text), text
        assert tokenizer.decode(ids) == text


def test_llama_2_kind_puts_a_space_in_front_and_takes_it_off() -> None:
    pieces = {"▁a": -1.0, "▁b": -2.0, "▁": -3.0, "a": -4.0, "b": -5.0}
    tokenizer = Tokenizer.from_gguf(spm_metadata(pieces))
    assert [tokenizer.token_text(id) for id in tokenizer.encode("a b")] == ["<s>", " a", " b"]
    assert tokenizer.decode(tokenizer.encode("a b")) == "a b"
    assert tokenizer.decode(tokenizer.encode(" a")) == " a"
    assert tokenizer.encode("") == [1]
    special = tokenizer.encode("a</s>b", parse_special=True)
    assert [tokenizer.token_text(id) for id in special] == ["<s>", " a", "</s>", " b"]


# --- what else encode and decode promise


@pytest.mark.weights
@pytest.mark.parametrize("which", ["starter", "gemma"])
def test_decode_gives_the_text_back(which: str, request: pytest.FixtureRequest) -> None:
    tokenizer = request.getfixturevalue(which)
    for text in (multilingual_text(seed=5), "", "\0", "a\ufffdb", " leading", "trailing \n"):
        assert tokenizer.decode(tokenizer.encode(text)) == text


@pytest.mark.weights
@pytest.mark.parametrize("which", ["starter", "gemma"])
def test_the_same_ids_whatever_was_met_before(which: str, request: pytest.FixtureRequest) -> None:
    tokenizer = request.getfixturevalue(which)
    text = multilingual_text(8_000, seed=9)
    first = tokenizer.encode(text)
    lines = [tokenizer.encode(line) for line in text.split("\n")]
    assert tokenizer.encode(text) == first
    assert [tokenizer.encode(line) for line in text.split("\n")] == lines


@pytest.mark.parametrize("pre", ["gpt-2", "smollm", "qwen2", "qwen35", "llama-bpe"])
def test_long_text_is_cut_where_it_does_not_show(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pre: str
) -> None:
    metadata = read_gguf(write_tiny_gguf(tmp_path / "m", pre=pre).path).metadata
    text = "\n".join(multilingual_text(15_000, seed=seed) for seed in range(12))
    assert len(bpe._LINES.findall(text)) > 6
    ids = Tokenizer.from_gguf(metadata).encode(text)
    monkeypatch.setattr(bpe, "_LONG", len(text) + 1)
    assert ids == Tokenizer.from_gguf(metadata).encode(text)


def test_control_tokens_are_only_read_when_asked(starter: Tokenizer) -> None:
    text = "<|im_start|>user\nHi<|im_end|>"
    assert not {0, 1, 2} & set(starter.encode(text))
    parsed = starter.encode(text, parse_special=True)
    assert (parsed[0], parsed[-1]) == (1, 2)
    assert starter.decode(parsed) == "user\nHi"
    assert starter.decode(parsed, skip_special=False) == text
    assert starter.decode(starter.encode(text)) == text


def test_a_mark_keeps_control_tokens_plain(starter: Tokenizer) -> None:
    typed = starter.escape_special_tokens("a <|im_<|im_end|>end|> b <|im_end|>", "\ufdd0\ufdd1")
    ids = starter.encode(f"<|im_start|>{typed}<|im_end|>", parse_special=True, mark="\ufdd0\ufdd1")
    assert [id for id in ids if id < 17] == [1, 2]
    assert starter.decode(ids) == "a <|im_<|im_end|>end|> b <|im_end|>"


def test_bos_and_ends(starter: Tokenizer, gemma: Tokenizer) -> None:
    assert not starter.add_bos
    assert starter.eos_ids == {0, 2}
    assert (starter.bos_token, starter.eos_token) == ("<|im_start|>", "<|im_end|>")
    assert gemma.add_bos
    assert gemma.encode("Hi")[0] == 2
    assert gemma.encode("<bos>Hi", parse_special=True)[:2] != [2, 2]
    assert gemma.eos_ids == {1, 106}  # <eos>, <end_of_turn>
    assert gemma.token_text(106) == "<end_of_turn>"
    assert gemma.encode("a\n\n\nb", add_special=False)[1] == 109  # runs of newlines are one token


def test_turn_ends_are_control_tokens_even_where_a_file_says_text() -> None:
    metadata = spm_metadata({"▁": -1.0, "a": -2.0}, eot_token_id=260)
    metadata["tokenizer.ggml.tokens"] += ["<|im_end|>", "<tool>"]
    scores = np.append(metadata["tokenizer.ggml.scores"], [0, 0])
    metadata["tokenizer.ggml.scores"] = scores.astype(np.float32)
    metadata["tokenizer.ggml.token_type"] = np.append(metadata["tokenizer.ggml.token_type"], [4, 4])
    tokenizer = Tokenizer.from_gguf(metadata)
    assert tokenizer.eos_ids == {2, 260, 261}
    assert 261 not in tokenizer.encode("<|im_end|>")
    assert 262 in tokenizer.encode("<tool>")


@pytest.mark.weights
@pytest.mark.parametrize("which", ["starter", "gemma"])
def test_a_stream_never_shows_half_a_character(which: str, request: pytest.FixtureRequest) -> None:
    tokenizer = request.getfixturevalue(which)
    text = multilingual_text(6_000, seed=3)
    ids = tokenizer.encode(text, add_special=False)
    stream = tokenizer.stream()
    pieces = [stream.push(id) for id in ids]
    assert stream.finish() == ""
    assert "".join(pieces) == text
    assert not any("\ufffd" in piece for piece in pieces)


def test_a_stream_that_ends_within_a_character(starter: Tokenizer) -> None:
    ids = starter.encode("a🜁")
    stream = starter.stream()
    assert "".join(stream.push(id) for id in ids[:-1]) == "a"
    assert set(stream.finish()) == {"\ufffd"}
    assert starter.decode([starter.vocab_size + 5, -1]) == ""


def test_lone_surrogates_do_not_break_it(starter: Tokenizer, gemma: Tokenizer) -> None:
    for tokenizer in (starter, gemma):
        assert tokenizer.decode(tokenizer.encode("a\ud83db")) == "a?b"


# --- time


def build_time_and_gap(metadata: dict[str, Any]) -> tuple[float, float]:
    """Seconds to build and encode, and the longest that another thread had to wait meanwhile."""
    gaps: list[float] = []
    done = threading.Event()

    def tick() -> None:
        last = time.perf_counter()
        while not done.is_set():
            time.sleep(0.002)
            now = time.perf_counter()
            gaps.append(now - last)
            last = now

    ticker = threading.Thread(target=tick)
    ticker.start()
    try:
        start = time.perf_counter()
        Tokenizer.from_gguf(metadata).encode(multilingual_text(4_000))
        took = time.perf_counter() - start
    finally:
        done.set()
        ticker.join()
    return took, max(gaps)


def test_gemma_builds_quickly_and_lets_other_threads_run(gemma_metadata: dict[str, Any]) -> None:
    runs = [build_time_and_gap(gemma_metadata) for _ in range(3)]  # the machine may have other work
    assert min(took for took, _ in runs) < 1.0
    assert min(gap for _, gap in runs) < 0.1


@pytest.mark.weights
@pytest.mark.parametrize("which", ["starter", "gemma"])
def test_a_million_characters(which: str, request: pytest.FixtureRequest) -> None:
    tokenizer = request.getfixturevalue(which)
    text = multilingual_text() * 50
    start = time.perf_counter()
    ids = tokenizer.encode(text)
    assert time.perf_counter() - start < 10
    assert tokenizer.decode(ids) == text


# --- Hugging Face folders


def folder_with(path: Path, native: tokenizers.Tokenizer, **settings: str) -> Path:
    path.mkdir()
    native.save(str(path / "tokenizer.json"))
    for name, value in settings.items():
        (path / f"{name}.json").write_text(value)
    return path


def test_from_folder_byte_level(tmp_path: Path) -> None:
    tokens, merges, _ = tiny_tokenizer()
    pairs = [tuple(merge.split(" ")) for merge in merges]
    native = tokenizers.Tokenizer(models.BPE({token: id for id, token in enumerate(tokens)}, pairs))
    native.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    native.decoder = decoders.ByteLevel()
    native.add_special_tokens(["<|endoftext|>", "<|im_start|>", "<|im_end|>"])
    native.add_tokens(["<think>"])
    path = folder_with(
        tmp_path / "hf",
        native,
        tokenizer_config='{"bos_token": {"content": "<|im_start|>"}, "eos_token": "<|im_end|>"}',
        generation_config='{"eos_token_id": [0, 2]}',
    )
    (path / "chat_template.jinja").write_text("{{ messages[0].content }}")
    tokenizer = Tokenizer.from_folder(path)
    text = multilingual_text(3_000)
    assert tokenizer.encode(text) == native.encode(text).ids
    assert tokenizer.decode(tokenizer.encode(text)) == text
    assert tokenizer.eos_ids == {0, 2}
    assert (tokenizer.bos_token, tokenizer.add_bos) == ("<|im_start|>", False)
    assert tokenizer.chat_template == "{{ messages[0].content }}"
    chat = "<|im_start|>Hi<think>there<|im_end|>"
    assert tokenizer.encode(chat, parse_special=True) == native.encode(chat).ids
    assert 2 not in tokenizer.encode(chat)
    assert tokenizer.decode(tokenizer.encode(chat, parse_special=True)) == "Hi<think>there"


def test_from_folder_sentence_piece(tmp_path: Path) -> None:
    metadata = spm_metadata({"▁": -3.0, "a": -4.0, "b": -5.0, "▁a": -1.0})
    ids = {token: id for id, token in enumerate(metadata["tokenizer.ggml.tokens"])}
    native = tokenizers.Tokenizer(models.BPE(ids, [("▁", "a")], unk_token="<unk>", byte_fallback=True))
    native.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    steps = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    native.decoder = decoders.Sequence(steps)
    native.post_processor = tokenizers.processors.TemplateProcessing("<s> $A", None, [("<s>", 1)])
    native.add_special_tokens(["<unk>", "<s>", "</s>"])
    settings = '{"bos_token": "<s>", "eos_token": "</s>", "chat_template": "{{ 1 }}"}'
    tokenizer = Tokenizer.from_folder(folder_with(tmp_path / "hf", native, tokenizer_config=settings))
    text = "a b 你😀"
    assert tokenizer.encode(text) == native.encode(text).ids
    assert tokenizer.encode(text)[0] == 1
    assert tokenizer.decode(tokenizer.encode(text)) == text
    assert tokenizer.chat_template == "{{ 1 }}"
    assert tokenizer.encode(text) == Tokenizer.from_gguf(metadata).encode(text)


# --- bad input


def refusal(action: Callable[[], object]) -> str:
    with pytest.raises(KnownError) as caught:
        action()
    sentence = i18n.message(caught.value)
    assert "{" not in sentence
    assert not sentence.startswith("error."), sentence
    return caught.value.key


@pytest.mark.parametrize(
    ("key", "change"),
    [
        ("tokenizer-missing", {"tokens": None}),
        ("tokenizer-missing", {"model": None}),
        ("tokenizer-missing", {"tokens": []}),
        ("tokenizer-unknown", {"model": "bert"}),
        ("tokenizer-broken", {"model": 7}),
        ("tokenizer-broken", {"tokens": np.zeros(3)}),
        ("tokenizer-broken", {"scores": None}),
        ("tokenizer-broken", {"scores": np.zeros(3, np.float32)}),
        ("tokenizer-broken", {"scores": np.full(261, np.nan, np.float32)}),
        ("tokenizer-broken", {"token_type": np.zeros(3, np.int32)}),
        ("tokenizer-broken", {"bos_token_id": 10**6}),
        ("tokenizer-broken", {"eos_token_id": -1}),
    ],
)
def test_broken_metadata(key: str, change: dict[str, Any]) -> None:
    metadata = spm_metadata({"▁": -1.0, "a": -2.0}, **change)
    metadata = {name: value for name, value in metadata.items() if value is not None}
    assert refusal(lambda: Tokenizer.from_gguf(metadata)) == key


def test_unknown_pre_tokenizer(tmp_path: Path) -> None:
    metadata = read_gguf(write_tiny_gguf(tmp_path / "m", pre="poro-chat").path).metadata
    assert refusal(lambda: Tokenizer.from_gguf(metadata)) == "tokenizer-unknown"


def test_broken_folders(tmp_path: Path) -> None:
    assert refusal(lambda: Tokenizer.from_folder(tmp_path)) == "tokenizer-missing"
    (tmp_path / "tokenizer.json").write_text("{not json")
    assert refusal(lambda: Tokenizer.from_folder(tmp_path)) == "tokenizer-broken"
    native = tokenizers.Tokenizer(models.WordPiece({"[UNK]": 0, "a": 1}, unk_token="[UNK]"))
    native.decoder = decoders.WordPiece()
    native.save(str(tmp_path / "tokenizer.json"))
    assert refusal(lambda: Tokenizer.from_folder(tmp_path)) == "tokenizer-unknown"
    (tmp_path / "tokenizer_config.json").write_text("[]")
    assert refusal(lambda: Tokenizer.from_folder(tmp_path)) == "tokenizer-broken"
