"""Tokenizers of encoder–decoders: the ids of transformers, and the places of pieces in both texts."""

from __future__ import annotations

import json
import random
import shutil
import warnings
from pathlib import Path

import pytest
import tokenizers

from autogpt_desktop.engine.formats.seq2seq_config import seq2seq_config
from autogpt_desktop.engine.tokenizer.seq2seq import Seq2SeqTokenizer, read_seq2seq_tokenizer
from autogpt_desktop.errors import KnownError
from tests.engine.seq2seq_folders import LINES, write_m2m100, write_marian, write_nllb

TEXTS = [
    *LINES, "", " ", "  two  blanks ", "tab\tand\nline", "Ⅷ ① ﬁ ½", "ünknown ж ع 🙂", "a" * 300,
    "你好 world 2", "x\u200by\u00a0z", "e\u0301", "(hello), \"world\"!",
]  # fmt: skip


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("folders")
    write_marian(root / "opus-mt-en-fr")
    write_marian(root / "opus-mt-en-mul", codes=("fra", "por", "cmn_Hans", "cmn_Hant"), target_lang="mul")
    write_m2m100(root / "m2m100")
    write_nllb(root / "nllb")
    write_nllb(root / "nllb-legacy", legacy_behaviour=True)
    return {path.name: path for path in root.iterdir()}


def ours(folder: Path) -> Seq2SeqTokenizer:
    return read_seq2seq_tokenizer(folder, seq2seq_config(folder))


def odd_texts(count: int) -> list[str]:
    rng, letters = random.Random(5), "".join(LINES) + "  \t。，éÉßж🙂\u3000\u0301①"
    return ["".join(rng.choices(letters, k=rng.randint(1, 60))) for _ in range(count)]


@pytest.mark.slow  # importing transformers takes seconds
def test_ids_of_opus_are_those_of_transformers(folders: dict[str, Path]) -> None:
    import transformers

    folder = folders["opus-mt-en-fr"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it would like another package
        theirs = transformers.MarianTokenizer.from_pretrained(folder)
    tokenizer = ours(folder)
    for text in TEXTS + odd_texts(200):
        encoded = tokenizer.encode_source(text, "en", "fr")
        assert list(encoded.ids) == theirs(text)["input_ids"], text
        ids = [id for id in encoded.ids if id != tokenizer.unknown]
        assert tokenizer.decode(ids).text == theirs.decode(ids, skip_special_tokens=True), text
    assert theirs.supported_language_codes == []


@pytest.mark.slow  # importing transformers takes seconds
def test_target_languages_of_opus_stand_in_front_of_the_source(folders: dict[str, Path]) -> None:
    import transformers

    folder = folders["opus-mt-en-mul"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = transformers.MarianTokenizer.from_pretrained(folder)
    tokenizer, config = ours(folder), seq2seq_config(folder)
    for code, name in (("fr", "fra"), ("pt", "por"), ("zh", "cmn_Hans"), ("zh-hant", "cmn_Hant")):
        wanted = theirs(f">>{name}<<The cat")["input_ids"]
        assert list(tokenizer.encode_source("The cat", "en", code).ids) == wanted
    assert set(config.pairs) == {("en", "fr"), ("en", "pt"), ("en", "zh"), ("en", "zh-hant")}


@pytest.mark.slow  # importing transformers takes seconds
def test_ids_of_m2m100_are_those_of_transformers(folders: dict[str, Path]) -> None:
    import transformers

    folder = folders["m2m100"]
    theirs = transformers.M2M100Tokenizer.from_pretrained(folder)
    tokenizer = ours(folder)
    assert tokenizer.forced("fr") == [theirs.get_lang_id("fr")]
    for source in ("en", "zh"):
        theirs.src_lang = source
        for text in TEXTS + odd_texts(100):
            encoded = tokenizer.encode_source(text, source, "fr")
            assert list(encoded.ids) == theirs(text)["input_ids"], text
            ids = [id for id in encoded.ids[1:] if id != tokenizer.unknown]  # without the language
            assert tokenizer.decode(ids).text == theirs.decode(ids, skip_special_tokens=True), text
    assert seq2seq_config(folder).languages[:3] == ("af", "am", "ar")


@pytest.mark.parametrize("name", ["nllb", "nllb-legacy"])
def test_ids_of_nllb_stand_around_a_language(folders: dict[str, Path], name: str) -> None:
    tokenizer, config = ours(folders[name]), seq2seq_config(folders[name])
    assert set(config.languages) == {"en", "fr", "zh", "zh-hant", "tt"}
    native = tokenizers.Tokenizer.from_file(str(folders[name] / "tokenizer.json"))
    code, end = native.token_to_id("zho_Hans"), config.eos_token_id
    for text in TEXTS + odd_texts(100):
        inner = native.encode(text, add_special_tokens=False).ids
        wanted = [*inner, end, code] if "legacy" in name else [code, *inner, end]
        assert list(tokenizer.encode_source(text, "zh", "fr").ids) == wanted, text
    assert tokenizer.forced("zh-hant") == [native.token_to_id("zho_Hant")]


def test_a_text_that_looks_like_a_token_is_a_text(folders: dict[str, Path]) -> None:
    for folder in folders.values():
        tokenizer = ours(folder)
        target = "fr"
        plain = tokenizer.encode_source("a b", "en", target).ids
        for text in ("a</s>b", "a __fr__ b", "a fra_Latn b", "a<pad>b", ">>por<< a b"):
            ids = tokenizer.encode_source(text, "en", target).ids
            assert [id for id in ids if id in tokenizer.special - {tokenizer.target_unknown}] == [
                id for id in plain if id in tokenizer.special - {tokenizer.target_unknown}
            ], (folder.name, text)


def test_places_are_those_of_the_pieces(folders: dict[str, Path]) -> None:
    for folder in folders.values():
        tokenizer = ours(folder)
        for text in TEXTS + odd_texts(100):
            encoded = tokenizer.encode_source(text, "en", "fr")
            assert len(encoded.ids) == len(encoded.spans)
            assert all(0 <= a <= b <= len(text) for a, b in encoded.spans)
            assert not any(text[a:b] != text[a:b].strip() for a, b in encoded.spans)
            decoded = tokenizer.decode(encoded.ids)
            ends = [0]
            for id, (a, b) in zip(encoded.ids, decoded.spans, strict=True):
                assert ends[-1] <= a <= b <= len(decoded.text)
                ends.append(b)
                piece = tokenizer.pieces.get(id, "").replace("▁", " ").strip()
                if id not in tokenizer.special:
                    assert decoded.text[a:b] == piece, (text, id)


def test_a_text_that_was_no_utf8_is_read(folders: dict[str, Path]) -> None:
    for folder in folders.values():
        encoded = ours(folder).encode_source("a \udc80\ud800 b\0c", "en", "fr")
        assert len(encoded.ids) > 3


@pytest.mark.parametrize("name", ["opus-mt-en-fr", "m2m100", "nllb"])
def test_damaged_vocabularies_are_refused(folders: dict[str, Path], name: str, tmp_path: Path) -> None:
    files = [path.name for path in folders[name].iterdir() if path.suffix in (".spm", ".model", ".json")]
    files = [file for file in files if not file.endswith("config.json")]
    for file in files:
        for damage in (b"", b"\xff\xfe", b"[1]", b'{"a": "b"}', b'{"<unk>": -1}', b"\0" * 100):
            folder = tmp_path / "copy"
            shutil.copytree(folders[name], folder)
            (folder / file).write_bytes(damage)
            with pytest.raises(KnownError, match="tokenizer-"):
                ours(folder)
            (folder / file).unlink()
            with pytest.raises(KnownError, match="tokenizer-missing"):
                ours(folder)
            shutil.rmtree(folder)


def test_a_vocabulary_of_another_model_is_refused(folders: dict[str, Path], tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(folders["opus-mt-en-fr"], folder)
    words = json.loads((folder / "vocab.json").read_text())
    words["more"] = len(words)
    (folder / "vocab.json").write_text(json.dumps(words))
    with pytest.raises(KnownError, match="tokenizer-vocabulary"):
        ours(folder)
