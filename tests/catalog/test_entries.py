from __future__ import annotations

from pathlib import Path

import pytest

from autogpt_desktop import paths
from autogpt_desktop.catalog.entries import (
    CatalogError,
    catalog,
    human_size,
    read_catalog,
    starter,
)

GOOD = """
[tiny]
title = "Tiny"
family = "llama"
parameters = 1
licence = "MIT"
licence_url = "https://example.org"
languages = []
context = 8
kv_rows = 4
head_dim = 2
roles = ["chat"]
[[tiny.files]]
name = "tiny.gguf"
size = 10
sha256 = "SHA"
sources = [{ url = "https://example.org/tiny.gguf" }]
""".replace("SHA", "0" * 64)


def test_the_starter_is_what_the_project_promises() -> None:
    model = starter()
    (file,) = model.files
    assert (model.name, file.size) == ("smollm2-135m-instruct", 98_362_432)
    assert file.sha256 == "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
    assert model.languages == ("en",)
    assert model.context == 8192
    assert [source.kind for source in file.sources] == ["wheel", "url"]


def test_every_model_has_several_sources_and_all_that_is_shown() -> None:
    assert sum(model.starter for model in catalog().values()) == 1
    for model in catalog().values():
        assert model.title
        assert model.license_url.startswith("https://")
        assert model.languages
        assert model.roles
        for file in model.files:
            assert len(file.sources) > (model.name != "multilingual-e5-small")  # published in one place
            assert all(source.url.startswith("https://") for source in file.sources if source.kind == "url")


@pytest.mark.parametrize(
    "model", [model for model in catalog().values() if not model.better], ids=lambda model: model.name
)
def test_the_catalog_agrees_with_the_real_files(
    model: object, starter_gguf: Path, gemma_gguf: Path, minilm_folder: Path
) -> None:
    from autogpt_desktop.engine.formats.encoder_config import encoder_config
    from autogpt_desktop.engine.formats.gguf import read_gguf
    from autogpt_desktop.engine.formats.gguf_mapping import config_from_gguf

    entry = catalog()[model.name]  # type: ignore[attr-defined]
    folder = paths.bundled_models() / entry.name
    assert all((folder / file.name).stat().st_size == file.size for file in entry.files)
    if entry.is_folder:
        encoder = encoder_config(folder)
        assert (encoder.family, encoder.head, encoder.max_tokens) == (entry.family, entry.kind, entry.context)
        assert (encoder.pooling, encoder.normalize) == ("mean", True)
        return
    config = config_from_gguf(read_gguf(folder / entry.files[0].name))
    assert (config.family, config.max_position_embeddings) == (entry.family, entry.context)
    rows = config.num_hidden_layers * 2 * config.num_key_value_heads
    assert (rows, config.head_dim) == (entry.kv_rows, entry.head_dim)


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('family = "llama"', "", "family is missing"),
        ('"tiny.gguf"\nsize', '"../tiny.gguf"\nsize', "cannot be a file's name"),
        ("size = 10", "size = 0", "needs a size"),
        ("0" * 64, "0" * 63, "sha256"),
        ("[tiny]", '["../tiny"]', "cannot be a model's name"),
        (
            '{ url = "https://example.org/tiny.gguf" }',
            '{ wheel = [{ package = "a", version = "1", member = "m", size = 9 }] }',
            "do not add up",
        ),
    ],
)
def test_mistakes_are_found(tmp_path: Path, old: str, new: str, complaint: str) -> None:
    path = tmp_path / "catalog.toml"
    text = GOOD.replace(old, new)
    if old == "[tiny]":
        text = text.replace("[[tiny.files]]", '[["../tiny".files]]')
    path.write_text(text)
    with pytest.raises(CatalogError, match=complaint):
        read_catalog(path)
    path.write_text(GOOD)
    assert read_catalog(path)["tiny"].size == 10


@pytest.mark.parametrize(
    ("size", "text"),
    [(5, "5 bytes"), (999, "999 bytes"), (1000, "1 kB"), (98_362_432, "98 MB"), (1_240_000, "1.2 MB"),
     (2_000_000, "2 MB"), (9_960_000, "10 MB"), (253_113_024, "253 MB"),
     (999_600_000, "1.0 GB"), (1_234_000_000, "1.2 GB"), (3e12, "3.0 TB")],
)  # fmt: skip
def test_sizes_as_people_read_them(size: float, text: str) -> None:
    assert human_size(size) == text
