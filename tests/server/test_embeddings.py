"""Embeddings through the ``openai`` client, with a tiny encoder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import openai
import pytest

from autogpt_desktop.engine.load import run_to_end
from autogpt_desktop.engine.torch_backend.encoder import load_encoder
from tests.engine.tiny_folders import write_encoder
from tests.server.kit import Served, serving
from tests.tiny import write_tiny_gguf

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("embeddings")
    (folder / "encoder").mkdir()
    write_encoder(folder / "encoder", "bert")
    write_tiny_gguf(folder / "tiny.gguf", quant="Q8_0")
    return folder


@pytest.fixture(scope="module")
def embedding(folder: Path) -> Iterator[Served]:
    with serving({"tiny": folder / "tiny.gguf"}, {"finder": folder / "encoder"}) as one:
        yield one


def test_vectors_are_the_model_s(embedding: Served, folder: Path) -> None:
    texts = ["the rain", "in the hall", "x"]
    made = embedding.client.embeddings.create(model="finder", input=texts)  # asks for base64
    plain = embedding.client.embeddings.create(model="finder", input=texts, encoding_format="float")
    engine = run_to_end(load_encoder(folder / "encoder"))
    expected = dict(item for item in engine.embed(texts) if isinstance(item, tuple))
    for index, item in enumerate(made.data):
        assert item.index == index
        assert item.embedding == pytest.approx(expected[index].tolist(), abs=1e-6)
        assert plain.data[index].embedding == pytest.approx(item.embedding, abs=1e-6)
    assert made.usage.prompt_tokens == sum(engine.tokens(text) for text in texts)


def test_what_cannot_be_embedded(embedding: Served) -> None:
    create = embedding.client.embeddings.create
    for wrong in ([], "", ["x", " "]):
        with pytest.raises(openai.BadRequestError):
            create(model="finder", input=wrong)
    with pytest.raises(openai.BadRequestError) as caught:
        create(model="tiny", input="x")
    assert caught.value.param == "model"
    with pytest.raises(openai.BadRequestError) as caught:
        create(model="finder", input="word " * 5000)
    assert caught.value.code == "context_length_exceeded"
    with pytest.raises(openai.BadRequestError):
        embedding.client.completions.create(model="finder", prompt="x")
