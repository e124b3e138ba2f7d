"""Encoders against transformers: hidden states, heads, pooling, and folders that are damaged."""

from __future__ import annotations

import copy
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from autogpt_desktop.engine.formats.encoder_config import encoder_config, is_encoder
from autogpt_desktop.engine.interface import Cancelled
from autogpt_desktop.engine.load import run_to_end
from autogpt_desktop.engine.torch_backend.encoder import EncoderEngine, Spans, load_encoder
from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Progress
from tests.engine.tiny_folders import ENCODERS, WORDS, by_transformers, write_encoder

TEXTS = ["the cat sat on the mat", "a dog ran", "it was very big and then the dog sat under a small tree"]
PAIRS = [("who sat ?", "the cat sat on the mat"), ("where was it ?", "a dog ran under the big tree")]
AUTO = {  # classes of transformers
    "embedding": "AutoModel",
    "classification": "AutoModelForSequenceClassification",
    "question_answering": "AutoModelForQuestionAnswering",
}


def opened(folder: Path) -> EncoderEngine:
    engine = run_to_end(load_encoder(folder))
    assert isinstance(engine, EncoderEngine)
    return engine


def rows(events: Any) -> list[Any]:
    pairs = [event for event in events if not isinstance(event, Progress)]
    return [value for _, value in sorted(pairs, key=lambda pair: pair[0])]


def reference(engine: EncoderEngine, model: Any, text: Any) -> Any:
    encoding = engine.tokenizer.encode(*((text,) if isinstance(text, str) else text))
    values = {"input_ids": torch.tensor([encoding.ids]), "attention_mask": torch.ones(1, len(encoding.ids))}
    if engine.config.type_vocab_size > 1:
        values["token_type_ids"] = torch.tensor([encoding.type_ids])
    with torch.inference_mode():
        return model(**values)


@pytest.mark.slow  # importing transformers takes seconds
@pytest.mark.parametrize("family", ENCODERS)
def test_embeddings_are_those_of_transformers(tmp_path: Path, family: str) -> None:
    write_encoder(tmp_path, family)
    model = by_transformers(tmp_path, AUTO["embedding"])
    engine = opened(tmp_path)
    for text, vector in zip(TEXTS, rows(engine.embed(TEXTS)), strict=True):
        mean = reference(engine, model, text).last_hidden_state[0].mean(0)
        assert torch.allclose(vector, mean / mean.norm(), atol=1e-5)


@pytest.mark.slow  # importing transformers takes seconds
@pytest.mark.parametrize("family", ENCODERS)
def test_classification_logits_are_those_of_transformers(tmp_path: Path, family: str) -> None:
    write_encoder(tmp_path, family, "classification")
    model = by_transformers(tmp_path, AUTO["classification"])
    engine = opened(tmp_path)
    assert engine.config.labels == ("LABEL_0", "LABEL_1", "LABEL_2")
    inputs = [*TEXTS, *PAIRS]
    for text, logits in zip(inputs, rows(engine.classify(inputs)), strict=True):
        assert torch.allclose(logits, reference(engine, model, text).logits[0], atol=1e-4)
    with pytest.raises(ValueError, match="no question answering head"):
        list(engine.spans(PAIRS))


@pytest.mark.slow  # importing transformers takes seconds
@pytest.mark.parametrize("family", ENCODERS)
def test_answer_spans_are_those_of_transformers(tmp_path: Path, family: str) -> None:
    write_encoder(tmp_path, family, "question_answering")
    model = by_transformers(tmp_path, AUTO["question_answering"])
    engine = opened(tmp_path)
    for pair, spans in zip(PAIRS, rows(engine.spans(PAIRS)), strict=True):
        assert isinstance(spans, Spans)
        passage = pair[1].split()
        assert [pair[1][a:b] for a, b in spans.offsets] == passage
        output = reference(engine, model, pair)
        before = len(pair[0].split()) + 2
        wanted = output.start_logits[0, before : before + len(passage)]
        assert torch.allclose(spans.start, wanted, atol=1e-4)
        assert spans.null == pytest.approx(
            float(output.start_logits[0, 0] + output.end_logits[0, 0]), abs=1e-4
        )


def test_the_sentence_layout_decides_pooling_and_length(tmp_path: Path) -> None:
    write_encoder(tmp_path, "bert")
    (tmp_path / "modules.json").write_text(
        json.dumps([{"type": "sentence_transformers.models.Pooling", "path": "1_Pooling"}])
    )
    (tmp_path / "1_Pooling").mkdir()
    (tmp_path / "1_Pooling" / "config.json").write_text('{"pooling_mode_cls_token": true}')
    (tmp_path / "sentence_bert_config.json").write_text('{"max_seq_length": 6}')
    engine = opened(tmp_path)
    assert (engine.config.pooling, engine.config.normalize, engine.config.max_tokens) == ("cls", False, 6)
    (vector,) = rows(engine.embed([TEXTS[1]]))
    ids = torch.tensor([engine.tokenizer.encode(TEXTS[1]).ids])
    first = engine.forward(ids, torch.ones_like(ids, dtype=torch.bool), torch.zeros_like(ids))[0, 0]
    assert torch.allclose(vector, first, atol=1e-5)
    assert len(engine.tokenizer.encode(TEXTS[2]).ids) == 6
    assert engine.tokens(TEXTS[2]) == 15


def test_many_texts_keep_their_order_and_can_be_cancelled(tmp_path: Path) -> None:
    write_encoder(tmp_path, "bert")
    engine = opened(tmp_path)
    many = [" ".join(WORDS[: 1 + i % 15]) for i in range(300)]
    together = rows(engine.embed(many))
    for index in (0, 14, 137, 299):
        assert torch.allclose(together[index], rows(engine.embed([many[index]]))[0], atol=1e-5)
    with pytest.raises(Cancelled):
        list(engine.embed(many, cancelled=lambda: True))


def test_damaged_folders_are_refused_in_words(tmp_path: Path) -> None:
    good = tmp_path / "good"
    write_encoder(good, "bert")
    assert is_encoder(good)
    assert not is_encoder(tmp_path)

    def damaged(change: dict[str, Any], remove: str = "") -> str:
        folder = tmp_path / "bad"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(good, folder)
        raw = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps(raw | change))
        if remove:
            (folder / remove).unlink()
        with pytest.raises(KnownError) as caught:
            opened(folder)
        return caught.value.key

    assert damaged({"hidden_size": 33}) == "folder-config"
    assert damaged({"hidden_act": "magic"}) == "folder-unsupported"
    assert damaged({"num_hidden_layers": 3}) == "gguf-tensor-missing"
    assert damaged({"intermediate_size": 64}) == "gguf-tensor-shape"
    assert damaged({"model_type": "t5"}) == "unknown-family"
    assert damaged({}, "tokenizer.json") == "tokenizer-missing"
    assert damaged({}, "model.safetensors") == "folder-weights"
    (good / "config.json").write_text("[" * 100_000)
    with pytest.raises(KnownError, match="folder-config"):
        encoder_config(good)


def test_a_tokenizer_with_senseless_values_ends_in_a_sentence(tmp_path: Path) -> None:
    folder = tmp_path / "good"
    write_encoder(folder, "bert")
    values = json.loads((folder / "tokenizer.json").read_text())
    endless = {"type": "Replace", "pattern": {"String": "a"}, "content": "aaaaaaaaaa"}
    cut = {"type": "Split", "pattern": {"Regex": "(a|aa)+$"}, "behavior": "Isolated", "invert": False}
    processor = copy.deepcopy(values["post_processor"])
    for token in processor["special_tokens"].values():
        token["ids"] = [10**6]
    for change, key in (
        ({"normalizer": {"type": "Sequence", "normalizers": [endless] * 12}}, "tokenizer-broken"),
        ({"pre_tokenizer": cut}, "tokenizer-unknown"),
        ({"post_processor": processor}, "tokenizer-vocabulary"),
    ):
        (folder / "tokenizer.json").write_text(json.dumps(values | change))
        with pytest.raises(KnownError, match=key):
            list(run_to_end(load_encoder(folder)).embed(["a cat"]))
