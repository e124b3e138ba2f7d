"""An adapter from examples to a model that is loaded by its name."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from autogpt_desktop import paths
from autogpt_desktop.catalog import installed
from autogpt_desktop.cli.main import main
from autogpt_desktop.engine.load import load, run_to_end
from autogpt_desktop.engine.model_pool import ModelPool
from autogpt_desktop.errors import KnownError
from autogpt_desktop.lab.adapt import run
from autogpt_desktop.lab.adapt.run import RESULT, adapt
from autogpt_desktop.lab.data.examples import Example
from autogpt_desktop.lab.runs.events import Eval, Event, Finished, Resumed, Sample
from autogpt_desktop.lab.runs.spec import DataSpec, RunSpec
from tests.engine.tiny_folders import write_encoder
from tests.lab.adapt.kit import letters, ticks, tiny_base
from tests.tiny import write_tiny_gguf

OPTIONS = {"rank": 4, "batch_tokens": 200, "learning_rate": 2e-2, "most_epochs": 2.0}


def spec(base: str = "base") -> RunSpec:
    return RunSpec("adapt", DataSpec(()), 2.0, name="my letters", base=base, options=OPTIONS)


def trained(base: Path, folder: Path) -> list[Event]:
    examples = letters(20)
    return list(adapt(spec(), base, examples[:16], examples[16:], folder, clock=ticks(0.05)))


@pytest.mark.slow
def test_the_result_stands_among_the_models_and_is_loaded_with_its_base(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paths, "model_dirs", lambda: [paths.models_dir()])
    base = tiny_base(paths.models_dir(), quant="Q8_0")
    events = trained(base, tmp_path / "run")
    assert {one.label for one in events if isinstance(one, Sample)} == {"before", "after"}
    before, after = [one for one in events if isinstance(one, Eval) and one.accuracy is not None]
    assert (before.step, after.step > 0) == (0, True)
    assert after.loss < before.loss
    assert isinstance(events[-1], Finished)
    shutil.copytree(tmp_path / "run" / RESULT, paths.models_dir() / "letters")

    model = installed.find("letters")
    assert model is not None
    assert (model.title, model.problem, model.kind) == ("my letters on Tiny llama", None, "decoder")
    assert model.context == 256
    pool = ModelPool(installed.resolve, "cpu", prompt_cache=tmp_path / "states")
    adapted, plain = run_to_end(pool.get("letters")), run_to_end(pool.get("base"))
    assert adapted.name == "my letters on Tiny llama"
    assert adapted.prompt_cache.model != plain.prompt_cache.model
    pool.unload()

    assert main(["models", "merge", "letters", str(tmp_path / "merged.gguf")]) == 0
    assert main(["models", "merge", "base", str(tmp_path / "other.gguf")]) != 0
    merged = run_to_end(load(tmp_path / "merged.gguf", device="cpu"))
    assert merged.config.num_hidden_layers == 2
    merged.close()

    # another model in the base's place, then none
    write_tiny_gguf(base, "llama", quant="Q8_0", seed=5)
    with pytest.raises(KnownError) as caught:
        run_to_end(pool.get("letters"))
    assert caught.value.key == "adapter-base-changed"
    base.unlink()
    with pytest.raises(KnownError) as caught:
        run_to_end(pool.get("letters"))
    assert caught.value.key == "adapter-base-missing"
    model = installed.find("letters")
    assert model is not None
    assert model.problem == "adapter-base-missing"
    installed.remove("letters")
    assert not (paths.models_dir() / "letters").exists()


@pytest.mark.slow
def test_a_busy_machine_still_says_what_was_learned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However little of the time is left; and the base is loaded once before the training, once behind it."""
    base, loads = tiny_base(tmp_path, quant="Q8_0"), list[object]()
    real = run.load
    monkeypatch.setattr(run, "load", lambda *given, **named: loads.append(given) or real(*given, **named))
    examples = letters(20)
    events = list(adapt(spec(), base, examples[:12], examples[12:], tmp_path / "run", clock=ticks(20.0)))
    labels = [one.label for one in events if isinstance(one, Sample)]
    assert labels == ["before"] * 3 + ["after"] * 3
    assert len(loads) == 2


@pytest.mark.slow
def test_a_plain_text_is_gone_on_with(tmp_path: Path) -> None:
    base = tiny_base(tmp_path, quant="Q8_0")
    texts = [Example(text=f"the hello {at} " * 30) for at in range(5)]
    events = list(adapt(spec(), base, texts[:4], texts[4:], tmp_path / "run", clock=ticks(0.05)))
    samples = [one for one in events if isinstance(one, Sample)]
    assert [one.label for one in samples] == ["before", "after"]
    assert all(texts[4].text.startswith(one.prompt) and one.prompt for one in samples)
    evals = [one for one in events if isinstance(one, Eval)]
    assert evals[-1].bits_per_byte < evals[0].bits_per_byte
    again = list(adapt(spec(), base, texts[:4], texts[4:], tmp_path / "run", clock=ticks(0.05)))
    assert isinstance(next(one for one in again if isinstance(one, Resumed | Eval)), Resumed)


@pytest.mark.slow
def test_packed_weights_are_the_base_s_with_an_adapter_too(tmp_path: Path) -> None:
    base = tiny_base(tmp_path, quant="Q8_0")
    trained(base, tmp_path / "run")
    ids = [5, 9, 80, 7]

    def logits(adapter: Path | None) -> list[float]:
        engine = run_to_end(load(base, device="cpu", packed_cache=tmp_path / "packed", adapter=adapter))
        (found,) = engine.decoder.forward([(engine.new_state(), ids)])
        for writer in engine.decoder._writers:  # type: ignore[attr-defined]
            writer.join()
        engine.close()
        return list(found.tolist())

    first, plain = logits(tmp_path / "run" / RESULT), logits(None)
    assert len(list((tmp_path / "packed").glob("*.packed"))) == 1
    assert logits(tmp_path / "run" / RESULT) == first != plain == logits(None)


def test_what_is_no_language_model_cannot_be_adapted(tmp_path: Path) -> None:
    write_encoder(tmp_path / "encoder", "bert")
    for base, key in ((tmp_path / "encoder", "lab-base-not-trainable"), (tmp_path / "none.gguf", None)):
        with pytest.raises(KnownError) as caught:
            list(adapt(spec(), base, letters(4), letters(2), tmp_path / "run"))
        assert key is None or caught.value.key == key
