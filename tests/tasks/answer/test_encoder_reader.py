"""The answer and sentiment roles played by encoders with a head, from a folder to the terminal."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from autogpt_desktop import paths
from autogpt_desktop.cli.main import main
from autogpt_desktop.engine.load import run_to_end
from autogpt_desktop.engine.torch_backend.encoder import EncoderEngine, load_encoder
from autogpt_desktop.settings import Settings
from autogpt_desktop.tasks.answer.reader import Reader
from tests.engine.tiny_folders import write_encoder


def write_finder(folder: Path, word: str = "mat") -> Path:
    """A question answering encoder whose head points at one word: its layers hand on what they get."""
    write_encoder(folder, "bert", "question_answering")
    tokens = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))["model"]["vocab"]
    stored = load_file(folder / "model.safetensors")
    weights = {name: tensor.clone() for name, tensor in stored.items()}  # the file is written anew
    for name in weights:
        if "output.dense" in name or "position" in name or "token_type" in name:
            weights[name].zero_()
    embedded = weights["bert.embeddings.word_embeddings.weight"]
    embedded.copy_(torch.nn.init.orthogonal_(torch.empty_like(embedded)) * 3)
    save_file(weights, folder / "model.safetensors")
    ids = torch.tensor([[tokens[word]]])
    with torch.inference_mode():
        mask, types = torch.ones_like(ids, dtype=torch.bool), torch.zeros_like(ids)
        hidden = opened(folder).forward(ids, mask, types)[0, 0]
    weights["qa_outputs.weight"].copy_(torch.stack([hidden, hidden]))
    weights["qa_outputs.bias"].zero_()
    save_file(weights, folder / "model.safetensors")
    return folder


def opened(folder: Path) -> EncoderEngine:
    engine = run_to_end(load_encoder(folder))
    assert isinstance(engine, EncoderEngine)
    return engine


def read(folder: Path, question: str, text: str) -> Any:
    return run_to_end(Reader(opened(folder), None).read(question, text))


def test_the_phrase_is_found_wherever_a_long_text_has_it(tmp_path: Path) -> None:
    write_finder(tmp_path)
    before = "The dog sat under the tree. " * 12  # 40 tokens are all that this encoder sees at once
    text = f"{before}Then the cat sat on the mat. {before}"
    found = read(tmp_path, "where was the cat ?", text)
    assert (found.text, found.start) == ("mat", text.index("mat"))
    assert 0.5 < found.probability <= 1
    assert read(tmp_path, "where was the cat ?", before).probability < found.probability


def test_a_sentence_that_has_no_room_is_cut(tmp_path: Path) -> None:
    write_finder(tmp_path)
    assert read(tmp_path, "who ?", "dog" * 90 + " mat").text == "mat"
    assert read(tmp_path, "who ?", f"{'the dog ran and ' * 30}. on the mat. a dog.").text == "mat"
    assert read(tmp_path, "who ? " * 60, "on the mat.").probability <= 1


@pytest.mark.slow
def test_a_folder_that_is_chosen_in_the_settings_answers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_finder(paths.data_dir() / "models" / "finder")
    dataclasses.replace(Settings.load(), roles={"answer": "finder"}).save()
    text = "a dog ran under a tree. the cat sat on the mat. it was very big."
    (tmp_path / "cat.txt").write_text(text, encoding="utf-8")
    assert main(["ask", "where was the cat?", str(tmp_path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["answered"]
    assert found["answer"] == "mat"
    place = found["citations"][0]
    assert text[place["start"] : place["end"]] == "mat"


@pytest.mark.slow
def test_a_folder_with_a_classification_head_scores(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = paths.data_dir() / "models" / "stars"
    write_encoder(folder, "distilbert", "classification")
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    config["id2label"] = {"0": "NEGATIVE", "1": "NEUTRAL", "2": "POSITIVE"}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    dataclasses.replace(Settings.load(), roles={"sentiment": "stars"}).save()
    (tmp_path / "texts.txt").write_text("the cat was very big\nthe dog ran\n", encoding="utf-8")
    assert main(["sentiment", str(tmp_path / "texts.txt"), "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["text"] for line in lines] == ["the cat was very big", "the dog ran"]
    for line in lines:
        assert abs(line["positive"] + line["neutral"] + line["negative"] - 1) < 1e-4
