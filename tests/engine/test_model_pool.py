"""Several models in one budget of memory: loaded once, the least recently used go, those in use stay."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from autogpt_desktop.engine.formats.adapter import AdapterConfig, LowRank, fingerprint, write_adapter
from autogpt_desktop.engine.formats.adapter_files import Base
from autogpt_desktop.engine.generation.engine import Engine
from autogpt_desktop.engine.load import open_checkpoint, run_to_end
from autogpt_desktop.engine.memory import physical_memory
from autogpt_desktop.engine.model_pool import ModelPool
from autogpt_desktop.engine.torch_backend.encoder import EncoderEngine
from autogpt_desktop.errors import KnownError
from tests.engine.tiny_folders import write_encoder
from tests.tiny import write_tiny_gguf


class Kept:
    """What a task keeps of an engine."""

    def __init__(self, nbytes: int = 0) -> None:
        self.nbytes, self.saved = nbytes, 0

    def save(self) -> None:
        self.saved += 1


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three small decoders of the same size, and an encoder."""
    folder = tmp_path_factory.mktemp("models")
    for seed, name in enumerate(("chat", "translate", "answer")):
        write_tiny_gguf(folder / f"{name}.gguf", seed=seed)
    write_encoder(folder / "embed", "bert")
    return folder


@pytest.fixture
def models(folder: Path) -> Iterator[ModelPool]:
    models = ModelPool(lambda role: find(folder, role), device="cpu")
    yield models
    models.unload()


def find(folder: Path, role: str) -> Path:
    return folder / role if (folder / role).is_dir() else folder / f"{role}.gguf"


def get(models: ModelPool, role: str) -> Engine:
    engine: Engine = run_to_end(models.get(role))
    return engine


def names(models: ModelPool) -> list[str]:
    return [loaded.path.stem for loaded in models.loaded]


def test_each_is_loaded_once_and_stays_while_there_is_room(models: ModelPool) -> None:
    first = get(models, "chat")
    embedder = run_to_end(models.get("embed"))
    assert isinstance(first, Engine)
    assert isinstance(embedder, EncoderEngine)
    assert get(models, "chat") is first
    assert names(models) == ["embed", "chat"]
    models.resolve = lambda role, path=models.loaded[-1].path: path
    assert get(models, "translate") is first, "one model, two roles"


def test_the_least_recently_used_goes_first(models: ModelPool) -> None:
    get(models, "chat")
    models.budget = int(2.5 * models.loaded[0].nbytes)
    get(models, "translate")
    get(models, "chat")
    get(models, "answer")
    assert names(models) == ["chat", "answer"]
    models.budget = 1
    get(models, "translate")
    assert names(models) == ["translate"]


def test_what_a_job_works_with_stays_also_while_another_one_runs(models: ModelPool) -> None:
    models.budget = 1
    with models.job() as suspended:
        ours = run_to_end(suspended.get("translate"))
        embedder = run_to_end(suspended.get("embed"))
        with models.job() as other:
            get(other, "chat")  # type: ignore[arg-type]
            assert names(models) == ["translate", "embed", "chat"]
        assert run_to_end(suspended.get("translate")) is ours
        assert embedder.weights
        get(models, "answer")
        assert sorted(names(models)) == ["answer", "embed", "translate"]
    get(models, "chat")
    assert names(models) == ["chat"]


def test_two_jobs_that_load_the_same_model_get_the_same_engine(models: ModelPool) -> None:
    with models.job() as slow, models.job() as quick:
        loading = slow.get("chat")
        next(loading)  # suspended here
        engine = run_to_end(quick.get("chat"))
        assert run_to_end(loading) is engine
        assert models.loaded[0].pins == 2
    assert models.loaded[0].pins == 0


def test_unloading_waits_for_the_job_that_works_with_it(models: ModelPool) -> None:
    with models.job() as job:
        engine = run_to_end(job.get("embed"))
        memory = job.memory(engine)["task"] = Kept()
        models.unload()
        assert engine.weights
        assert memory.saved == 1
        assert not models.loaded
        assert job.memory(engine) == {}
    assert not engine.weights


def test_what_tasks_keep_counts_and_goes_with_its_engine(models: ModelPool) -> None:
    engine = get(models, "chat")
    bare = models.loaded[0].nbytes
    kept = models.memory(engine)["task"] = Kept(1000)
    assert models.loaded[0].nbytes == bare + 1000
    state = engine.new_state()
    engine.decoder.forward([(state, [5] * 60)])
    engine.prompt_cache.keep(state, 60, "task")
    assert models.loaded[0].nbytes > bare + 1000
    other = get(models, "translate")
    assert models.memory(other) == {}
    assert models.memory(engine) == {"task": kept}
    models.unload(models.loaded[0].path)
    assert kept.saved == 1
    assert names(models) == ["translate"]
    again = get(models, "chat")
    assert again is not engine
    assert models.memory(again) == {}


def test_a_large_memory_makes_others_go(models: ModelPool) -> None:
    engine = get(models, "chat")
    models.budget = 3 * models.loaded[0].nbytes
    models.memory(engine)["task"] = Kept(models.budget)
    get(models, "translate")
    assert names(models) == ["translate"]


@pytest.mark.parametrize(
    ("role", "head"), [("answer", "question_answering"), ("sentiment", "classification")]
)
def test_an_encoder_plays_the_role_that_its_head_is_for(tmp_path: Path, role: str, head: str) -> None:
    write_encoder(tmp_path, "bert", head)
    models = ModelPool(lambda _: tmp_path, device="cpu")
    assert isinstance(run_to_end(models.get(role)), EncoderEngine)
    for other in {"chat", "translate", "answer", "embed", "sentiment"} - {role}:
        with pytest.raises(KnownError, match="model-not-for-role"):
            run_to_end(models.get(other))
    models.unload()


@pytest.mark.parametrize(
    ("role", "path"), [("chat", "embed"), ("embed", "chat"), ("answer", "embed"), ("sentiment", "embed")]
)
def test_a_model_that_cannot_play_the_role(folder: Path, role: str, path: str) -> None:
    models = ModelPool(lambda _: find(folder, path), device="cpu")
    with pytest.raises(KnownError) as error:
        run_to_end(models.get(role))
    assert error.value.key == "model-not-for-role"
    models.unload()


def test_half_of_the_memory_is_the_budget(models: ModelPool) -> None:
    assert 1 << 28 < physical_memory() < 1 << 45


def adapter_on(base: Path, folder: Path) -> Path:
    random = np.random.default_rng(0)
    config = open_checkpoint(base).config
    width, inner = config.hidden_size, config.intermediate_size
    low = LowRank(
        random.normal(0, 0.3, (8, width)).astype(np.float32),
        random.normal(0, 0.3, (inner, 8)).astype(np.float32),
        1.0,
    )
    reference = Base(base.stem, fingerprint(base), str(base))
    write_adapter(folder, AdapterConfig(reference, 8, 8.0, "Mine"), {"model.layers.0.mlp.up_proj": low})
    return folder


@pytest.mark.parametrize("first", ["base", "mine"])
def test_an_adapter_and_its_base_share_their_weights(tmp_path: Path, first: str) -> None:
    base = write_tiny_gguf(tmp_path / "base.gguf", quant="Q8_0").path
    adapter_on(base, tmp_path / "mine")
    models = ModelPool(lambda role: find(tmp_path, Path(role).stem), device="cpu")
    other = {"base": "mine", "mine": "base"}[first]

    def logits(name: str) -> list[float]:
        engine = get(models, name)
        return list(engine.decoder.forward([(engine.new_state(), [5, 9, 80])])[0].tolist())

    alone = {}
    for name in (first, other):
        alone[name] = logits(name)
        models.unload()
    assert alone[first] != alone[other]
    engine = get(models, first)
    models.budget = int(1.5 * models.loaded[0].nbytes)  # not for two copies
    beside = get(models, other)
    assert [one.engine for one in models.loaded] == [engine, beside]
    assert engine.name != beside.name
    assert beside.decoder.weights_owner is engine.decoder  # type: ignore[attr-defined]
    assert {name: logits(name) for name in (first, other)} == alone
    models.unload(models.loaded[0].path)  # the owner of the weights may go first
    gc.collect()
    name = Path(models.loaded[0].path).stem
    assert logits(name) == alone[name]
    models.unload()
