"""From a file to a model that answers to “autogpt”: nothing in it is replaced, all of it is tiny."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from autogpt_desktop import AutoModel, AutoTokenizer
from autogpt_desktop.cli.main import main
from autogpt_desktop.engine.load import load, run_to_end
from autogpt_desktop.lab.runs import folder as runs
from autogpt_desktop.lab.runs.events import DataFound, Eval, Finished, Train
from autogpt_desktop.lab.runs.log import LogReader
from tests.lab.data.test_prepare import prose

pytestmark = pytest.mark.slow

SHAPE = {
    "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2,
    "num_key_value_heads": 1, "head_dim": 16, "context": 32, "batch": 8, "precision": "float32",
    "max_steps": 60,
}  # fmt: skip


def test_a_new_model_from_a_file_to_the_chat(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("autogpt_desktop.cli.train.lower_priority", lambda: None, raising=False)
    monkeypatch.setattr("autogpt_desktop.lab.process.lower_priority", lambda: None)
    (tmp_path / "words.txt").write_text(prose(1, 20_000))
    options = [f"--option={name}={json.dumps(value)}" for name, value in SHAPE.items()]
    arguments = ["train", "new", str(tmp_path / "words.txt"), "--minutes", "5", "--no-search", "--no-grow"]
    assert main([*arguments, "--name", "Words", *options]) == 0
    run = runs.find("Words")
    assert capsys.readouterr().out.strip() == str(run.result)
    events = [logged.event for logged in LogReader(run.log).read_all()]
    found = next(event for event in events if isinstance(event, DataFound))
    losses = [event.loss for event in events if isinstance(event, Train | Eval)]
    assert losses[-1] < losses[0]
    finished = events[-1]
    assert isinstance(finished, Finished)
    assert 0 < finished.bits_per_byte < 8
    assert found.xz_bits_per_byte > 0
    assert run.result is not None
    assert main(["train", "use", "Words"]) == 0
    model, tokenizer = (
        AutoModel.from_pretrained("autogpt", device="cpu"),
        AutoTokenizer.from_pretrained("autogpt"),
    )
    ids = tokenizer.encode("the river", return_tensors="pt")
    assert model.generate(ids, max_new_tokens=8).shape[1] > ids.shape[1]
    model.engine.close()
    engine = run_to_end(load(run.result / "model.gguf", device="cpu"))
    assert engine.tokenizer.encode("the river") == ids[0].tolist()
    engine.close()
