"""A model's file or folder that is closed to the user is a sentence about that model, whatever reads it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import tokenizers
from tokenizers import decoders, models, pre_tokenizers, trainers

from autogpt_desktop.auto import AutoTokenizer
from autogpt_desktop.catalog.headers import read_header
from autogpt_desktop.engine.load import run_to_end
from autogpt_desktop.engine.model_pool import ModelPool
from autogpt_desktop.errors import KnownError
from tests.closed import close
from tests.engine.seq2seq_folders import LINES, write_m2m100, write_marian, write_nllb
from tests.engine.tiny_folders import write_decoder, write_encoder
from tests.marian import write_tiny_pack
from tests.tiny import write_tiny_gguf

CLOSED = ("model-unreadable", "gguf-unreadable")


def a_decoder(folder: Path) -> None:
    write_decoder(folder)
    native = tokenizers.Tokenizer(models.BPE(unk_token="<unk>"))
    native.decoder, native.pre_tokenizer = decoders.ByteLevel(), pre_tokenizers.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=200, special_tokens=["<unk>"], show_progress=False)
    native.train_from_iterator(LINES, trainer)
    native.save(str(folder / "tokenizer.json"))
    for name in ("tokenizer_config.json", "generation_config.json"):
        (folder / name).write_text("{}")
    (folder / "additional_chat_templates").mkdir()
    (folder / "additional_chat_templates" / "default.jinja").write_text("{{ messages }}")


def an_encoder(folder: Path) -> None:
    write_encoder(folder, "bert")
    (folder / "modules.json").write_text('[{"type": "models.Pooling", "path": "1_Pooling"}]')
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text('{"pooling_mode_cls_token": true}')
    (folder / "sentence_bert_config.json").write_text("{}")


def marian(folder: Path) -> None:
    write_marian(folder)
    (folder / "generation_config.json").write_text("{}")


def a_pack(folder: Path) -> None:
    for kind, file in write_tiny_pack(folder).items():
        file.rename(folder / f"{kind}.enfr{file.suffix}")


KINDS: dict[str, tuple[str, Callable[[Path], object]]] = {
    "gguf": ("chat", lambda folder: write_tiny_gguf(_made(folder) / "tiny.gguf")),
    "decoder": ("chat", a_decoder),
    "encoder": ("embed", an_encoder),
    "marian": ("translate", marian),
    "m2m100": ("translate", write_m2m100),
    "nllb": ("translate", write_nllb),
    "pack": ("translate", a_pack),
}


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def problem(path: Path, role: str) -> str:
    """What loading says. The model's header says the same, or nothing where it does not look that far."""
    said = ""
    try:
        pool = ModelPool(lambda _role: path, "cpu")
        run_to_end(pool.get(role))
        pool.unload()
    except KnownError as error:
        said = error.key
    assert read_header(path)["problem"] in (None, *CLOSED)
    return said


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_each_file_and_the_folder(kind: str, tmp_path: Path) -> None:
    role, write = KINDS[kind]
    folder = tmp_path / kind
    write(folder)
    model = folder / "tiny.gguf" if kind == "gguf" else folder
    assert problem(model, role) == ""
    for place in [folder, *folder.rglob("*")]:
        for listed in (False, True)[: 1 + (place == folder)]:
            with pytest.MonkeyPatch.context() as patch:
                close(place, patch, listed)
                assert problem(model, role) in CLOSED, (place.name, listed)
            place.chmod(0o700)


def test_the_python_interface_says_it_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "decoder"
    a_decoder(folder)
    close(folder / "tokenizer.json", monkeypatch)
    with pytest.raises(KnownError) as error:
        AutoTokenizer.from_pretrained(folder)
    assert error.value.key == "model-unreadable"
    assert error.value.values == {"name": "decoder", "reason": "Permission denied"}
