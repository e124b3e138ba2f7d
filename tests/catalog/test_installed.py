from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from autogpt_desktop import paths
from autogpt_desktop.catalog import fit, installed
from autogpt_desktop.catalog.entries import catalog
from autogpt_desktop.catalog.installed import add, find, remove, resolve
from autogpt_desktop.engine.formats import gguf
from autogpt_desktop.engine.load import load, run_to_end
from autogpt_desktop.engine.native.state import CacheType
from autogpt_desktop.engine.native.weights import Quantize
from autogpt_desktop.errors import KnownError
from autogpt_desktop.i18n import message
from tests.engine.tiny_folders import write_encoder
from tests.tiny import write_tiny_gguf

pytestmark = pytest.mark.usefixtures("no_bundled_models")


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """A real GGUF file outside the models folder."""
    path = tmp_path / "elsewhere/tiny model.gguf"
    path.parent.mkdir()
    write_tiny_gguf(path)
    return path


def test_nothing_is_installed() -> None:
    assert installed.installed() == []
    with pytest.raises(KnownError, match="no-model"):
        resolve("")
    with pytest.raises(KnownError, match="model-missing"):
        resolve("nothing like it")


def test_a_dropped_file_counts(tiny: Path) -> None:
    shutil.copy(tiny, paths.models_dir() / "mine.gguf")
    (model,) = installed.installed()
    assert (model.name, model.family, model.problem) == ("mine", "llama", None)
    assert model.context > 0
    assert model.kv_rows > 0
    assert model.quantization
    assert resolve("mine") == resolve("") == resolve("autogpt") == model.path


def test_an_encoder_is_listed_for_what_it_is(minilm_folder: Path, tmp_path: Path) -> None:
    (paths.models_dir() / minilm_folder.name).symlink_to(minilm_folder)
    with pytest.raises(KnownError, match="no-model"):
        resolve("")  # it writes nothing
    (model,) = installed.installed()
    entry = catalog()["all-minilm-l6-v2"]
    assert (model.title, model.size) == (entry.title, entry.size)
    assert (model.kind, model.problem) == ("embedding", None)
    assert resolve(model.name) == minilm_folder.resolve()
    assert fit.memory_needed(model) < model.size + 500 * 2**20
    folder = tmp_path / "classifier"
    write_encoder(folder, "bert", "classification")
    assert add(folder).kind == "classification"
    damaged = tmp_path / "bundled" / "all-minilm-l6-v2"
    shutil.copytree(folder, damaged)
    (paths.models_dir() / minilm_folder.name).unlink()
    found = find("all-minilm-l6-v2")
    assert found is not None
    assert found.problem == "model-damaged"


def test_the_real_starter_is_recognised(starter_gguf: Path) -> None:
    folder = paths.models_dir() / "smollm2-135m-instruct"
    folder.mkdir()
    (folder / starter_gguf.name).symlink_to(starter_gguf)
    model = find("smollm2-135m-instruct")
    # resolved through the link it lies elsewhere, and is the starter none the less
    assert model is not None
    assert model.languages == ("en",)
    assert model.context == 8192
    assert (model.title, model.quantization, model.problem) == ("SmolLM2 135M Instruct", "Q4_1", None)


def test_the_starter_comes_first_for_autogpt(tiny: Path, starter_gguf: Path) -> None:
    shutil.copy(tiny, paths.models_dir() / "a.gguf")
    folder = paths.models_dir() / "smollm2-135m-instruct"
    folder.mkdir()
    (folder / starter_gguf.name).symlink_to(starter_gguf)
    assert resolve("autogpt").name == starter_gguf.name


def test_a_cut_catalog_file_is_damaged(starter_gguf: Path) -> None:
    folder = paths.models_dir() / "smollm2-135m-instruct"
    folder.mkdir()
    with starter_gguf.open("rb") as source, (folder / starter_gguf.name).open("wb") as target:
        target.write(source.read(2_500_000))
    model = find("smollm2-135m-instruct")
    assert model is not None
    assert model.problem
    error = model.error()
    assert error is not None
    assert "{" not in message(error)
    with pytest.raises(KnownError, match="no-model"):
        resolve("")


@pytest.mark.parametrize("content", [b"", b"GGUF", b"not a model", b"GGUF\3\0\0\0" + b"\xff" * 40])
def test_a_file_that_is_no_model_says_so(content: bytes) -> None:
    (paths.models_dir() / "bad.gguf").write_bytes(content)
    (model,) = installed.installed()
    error = model.error()
    assert error is not None
    assert message(error) != f"error.{error.key}"
    assert "{" not in message(error)
    assert installed.installed() == [model]  # the same from the cache


def test_headers_are_read_once(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = paths.models_dir() / "mine.gguf"
    shutil.copy(tiny, path)
    first = installed.installed()
    read: list[Path] = []
    original = gguf.read_gguf
    monkeypatch.setattr(gguf, "read_gguf", lambda path: read.append(path) or original(path))
    assert installed.installed() == first
    assert read == []
    with path.open("ab") as file:
        file.write(b"\0" * 32)
    installed.installed()
    assert len(read) == 1


def test_a_damaged_cache_is_made_again(tiny: Path) -> None:
    shutil.copy(tiny, paths.models_dir() / "mine.gguf")
    first = installed.installed()
    (paths.cache_dir() / "model-headers.json").write_text("{")
    assert installed.installed() == first
    (paths.cache_dir() / "model-headers.json").write_text('{"version": 1, "entries": [3]}')
    assert installed.installed() == first


def test_names_are_unique(tiny: Path) -> None:
    for folder in ("a", "b"):
        (paths.models_dir() / folder).mkdir()
        shutil.copy(tiny, paths.models_dir() / folder / "mine.gguf")
    assert [model.name for model in installed.installed()] == ["mine", "mine-2"]
    assert resolve("mine-2").parent.name == "b"


def test_a_file_elsewhere_is_registered_and_forgotten(tiny: Path) -> None:
    model = add(tiny)
    assert model.path == tiny
    assert find("tiny model") == model
    assert add(tiny) == model
    assert len(installed.installed()) == 1
    remove(model.name)
    assert installed.installed() == []
    assert tiny.exists()


def test_what_cannot_be_read_is_not_registered(tmp_path: Path) -> None:
    path = tmp_path / "bad.gguf"
    path.write_bytes(b"no model")
    with pytest.raises(KnownError, match="gguf-not-gguf"):
        add(path)
    assert installed.installed() == []


def test_a_registered_file_that_is_gone_is_not_listed(tiny: Path) -> None:
    add(tiny)
    tiny.unlink()
    assert installed.installed() == []
    (paths.data_dir() / "models.json").write_text("not json")
    assert installed.installed() == []


def test_remove_deletes_the_users_own_but_nothing_bundled(tiny: Path, no_bundled_models: Path) -> None:
    folder = paths.models_dir() / "mine"
    folder.mkdir()
    shutil.copy(tiny, folder / "mine.gguf")
    (folder / ".lock").touch()
    remove("mine")
    assert not folder.exists()
    assert installed.installed() == []
    shutil.copy(tiny, no_bundled_models / "shipped.gguf")
    with pytest.raises(KnownError, match="model-not-removable"):
        remove("shipped")
    with pytest.raises(KnownError, match="model-missing"):
        remove("mine")


def test_packed_weights_count_and_go_with_their_model(tiny: Path, no_bundled_models: Path) -> None:
    folder = paths.models_dir() / "mine"
    folder.mkdir()
    shutil.copy(tiny, folder / "mine.gguf")
    packed = paths.packed_file(folder / "mine.gguf", paths.packed_dir())
    packed.parent.mkdir(parents=True)
    packed.write_bytes(bytes(1000))
    packed.chmod(0o444)
    (model,) = installed.installed()
    assert model.disk_bytes == model.size + 1000
    remove("mine")
    assert not packed.exists()


def test_packed_copies_can_be_deleted_alone(tiny: Path, no_bundled_models: Path) -> None:
    for name in ("one", "two"):
        shutil.copy(tiny, paths.models_dir() / f"{name}.gguf")
        for variant in paths.PACKED_VARIANTS:
            packed = paths.packed_file(paths.models_dir() / f"{name}.gguf", paths.packed_dir(), variant)
            packed.parent.mkdir(parents=True, exist_ok=True)
            packed.write_bytes(bytes(1000))
    assert [model.packed_bytes for model in installed.installed()] == [2000, 2000]
    assert installed.remove_copies("one") == 2000
    assert [model.packed_bytes for model in installed.installed()] == [0, 2000]
    assert installed.remove_copies() == 2000
    assert [model.disk_bytes - model.size for model in installed.installed()] == [0, 0]
    with pytest.raises(KnownError, match="model-missing"):
        installed.remove_copies("three")


def test_a_file_that_says_senseless_things_of_itself_is_listed(tmp_path: Path) -> None:
    tiny = write_tiny_gguf(tmp_path / "odd.gguf", metadata={"elevenchars": 5, "general.typ": "none"})
    data = tiny.path.read_bytes()
    # keys of the same length change places: a number where languages stand, words as the file's type
    data = data.replace(b"general.languages", b"general.linguages").replace(
        b"llama.elevenchars", b"general.languages"
    )
    data = data.replace(b"llama.general.typ", b"general.file_type")
    (paths.models_dir() / "odd.gguf").write_bytes(data)
    (model,) = installed.installed()
    assert (model.problem, model.languages, model.quantization) == (None, (), "F32")


def test_a_hugging_face_folder_of_another_kind_is_refused() -> None:
    folder = paths.models_dir() / "other"
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(b"12345678")
    (folder / "config.json").write_text('{"model_type": "mamba"}')
    assert find("other").problem == "unknown-family"  # type: ignore[union-attr]
    (folder / "config.json").write_text('{"model_type": "llama", "num_attention_heads": 0, "hidden_size": 8}')
    assert find("other").problem == "folder-config"  # type: ignore[union-attr]


def test_a_hugging_face_folder_counts(tmp_path: Path) -> None:
    folder = paths.models_dir() / "tiny-hf"
    folder.mkdir()
    config = {"model_type": "qwen3", "num_hidden_layers": 2, "num_attention_heads": 4, "hidden_size": 64,
              "num_key_value_heads": 2, "max_position_embeddings": 128, "dtype": "float32",
              "intermediate_size": 96, "vocab_size": 300}  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config))
    assert find("tiny-hf").problem == "model-folder-unreadable"  # type: ignore[union-attr]
    (folder / "model.safetensors").write_bytes(b"12345678")
    (folder / "config.json").write_text(json.dumps(config, indent=1))
    model = find("tiny-hf")
    assert model is not None
    assert (model.family, model.context, model.size) == ("qwen3", 128, 8)
    assert (model.kv_rows, model.head_dim) == (2 * 2 * 2, 16)
    assert resolve("tiny-hf") == resolve(str(folder)) == folder


def test_paths_resolve(tiny: Path) -> None:
    assert resolve(str(tiny)) == tiny
    assert resolve(str(tiny.parent)) == tiny


@pytest.mark.slow
def test_listing_never_loads_torch(tiny: Path) -> None:
    shutil.copy(tiny, paths.models_dir())
    folder = paths.models_dir() / "folder"
    folder.mkdir()
    (folder / "config.json").write_text('{"model_type": "llama"}')
    (folder / "model.safetensors").touch()
    script = "import sys; from autogpt_desktop.catalog import installed, fit, download; "
    script += "installed.installed(); sys.exit('torch' in sys.modules or 'tokenizers' in sys.modules)"
    root = Path(__file__).parents[2]
    assert subprocess.run([sys.executable, "-c", script], cwd=root).returncode == 0


# --- memory


def test_memory_needed_grows_with_the_context() -> None:
    starter = catalog()["smollm2-135m-instruct"]
    short, full = fit.memory_needed(starter, 1024), fit.memory_needed(starter)
    assert full - short == (8192 - 1024) * fit.cache_bytes(starter, "float16")
    assert fit.memory_needed(starter, 10**9) == full  # not more than the model can
    assert starter.size < short < 1.2e9
    assert fit.memory_needed(starter, kv_cache="int8") < full - 0.9 * 8192 * starter.kv_rows * 60


@pytest.mark.slow
@pytest.mark.parametrize(
    ("quant", "kv_cache", "quantize"),
    [
        ("Q4_1", "float16", None),
        ("Q8_0", "int8", "int8"),
        ("Q2_K", "int8", "int8"),  # which becomes wider
        ("Q3_K", "float16", None),
        ("IQ4_XS", "float16", None),
        ("F16", "float16", None),
        ("BF16", "float16", None),
        ("F16", "int8", "int8"),
        ("F32", "float16", "int4"),
    ],
)
def test_the_estimate_is_what_the_engine_takes(
    tmp_path: Path, quant: str, kv_cache: CacheType, quantize: Quantize | None
) -> None:
    path = tmp_path / "model.gguf"
    size: dict[str, Any] = {"hidden": 512, "intermediate": 1024, "layers": 4}
    write_tiny_gguf(path, quant=quant, **size, heads=8, kv_heads=2, head_dim=64)
    model = add(path)
    engine = run_to_end(load(path, device="cpu", context_length=64, kv_cache=kv_cache, quantize=quantize))
    engine.close()
    state = engine.new_state()
    list(engine.prefill(state, [1, 2, 3]))  # makes room for all 64
    options = {"kv_cache": kv_cache, "quantize": quantize or ""}
    whole, half = fit.memory_needed(model, 64, **options), fit.memory_needed(model, 32, **options)
    assert state.nbytes == 2 * (whole - half)
    weights = 2 * half - whole - fit.FIXED_BYTES
    assert 0.5 * weights < engine.weight_bytes <= weights


def test_memory_free_is_what_this_system_says() -> None:
    assert 50_000_000 < fit.memory_free() < 2**50


def test_a_container_limits_memory(tmp_path: Path) -> None:
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/meminfo").write_text("MemTotal: 9 kB\nMemAvailable:   8000000 kB\n")
    assert fit._linux_free(tmp_path) == 8_000_000 * 1024
    group = tmp_path / "sys/fs/cgroup"
    group.mkdir(parents=True)
    (group / "memory.max").write_text("1000\n")
    (group / "memory.current").write_text("700\n")
    (group / "memory.stat").write_text("anon 500\ninactive_file 100\n")
    assert fit._linux_free(tmp_path) == 400
    (group / "memory.max").write_text("max\n")
    assert fit._linux_free(tmp_path) == 8_000_000 * 1024
    assert fit._linux_free(tmp_path / "nowhere") == 0


def test_what_macos_prints() -> None:
    text = (
        "Mach Virtual Memory Statistics: (page size of 16384 bytes)\n"
        "Pages free:                                3000.\nPages active:  999999.\n"
        "Pages inactive:                            2000.\nPages speculative: 500.\nPages purgeable: 1.\n"
    )
    assert fit._macos_free(text) == 5501 * 16384


CARD = "---\nlicense: mit\nlanguage:{}\ntags:\n- de\n---\n# A model\nlanguage: ru\n"


@pytest.mark.parametrize(
    ("card", "languages"),
    [
        (CARD.format("\n- en\n- 'fr' # French\n- zh-Hans"), ("en", "fr", "zh-hans")),
        (CARD.format(" [en, ja]"), ("en", "ja")),
        (CARD.format(" pt"), ("pt",)),
        (CARD.format(""), ()),
        ("# A model\nlanguage: ru\n", ()),
        ("---\nlanguage: \x00\n", ()),
    ],
)
def test_a_folder_knows_the_languages_of_its_model_card(card: str, languages: tuple[str, ...]) -> None:
    folder = paths.models_dir() / "with-card"
    folder.mkdir()
    config = {"model_type": "qwen3", "num_hidden_layers": 2, "num_attention_heads": 4, "hidden_size": 64,
              "num_key_value_heads": 2, "max_position_embeddings": 128, "dtype": "float32",
              "intermediate_size": 96, "vocab_size": 300}  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "model.safetensors").write_bytes(b"12345678")
    (folder / "README.md").write_text(card, encoding="utf-8")
    assert installed.languages_of(folder) == find("with-card").languages == languages  # type: ignore[union-attr]


def test_languages_come_from_the_catalog_or_from_the_file(
    tmp_path: Path, starter_gguf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stated = write_tiny_gguf(tmp_path / "two.gguf", languages=("en", "fr"))
    silent = write_tiny_gguf(tmp_path / "none.gguf", languages=())
    assert installed.languages_of(stated.path) == ("en", "fr")
    assert installed.languages_of(silent.path) == ()
    monkeypatch.setattr(paths, "model_dirs", lambda: [starter_gguf.parent.parent])
    assert installed.languages_of(starter_gguf.resolve()) == catalog()["smollm2-135m-instruct"].languages


@pytest.mark.skipif(sys.platform != "linux", reason="names that are not UTF-8, links")
def test_each_bad_model_is_listed_with_its_reason_and_hides_no_other(tiny: Path, tmp_path: Path) -> None:
    """An emptied hub cache, senseless values, names in another encoding, places that cannot be looked at."""
    models = paths.models_dir()
    shutil.copy(tiny, models / "good.gguf")
    odd = os.fsencode(models) + b"/gar\xe7on"
    os.mkdir(odd)
    shutil.copy(tiny, odd + b"/odd.gguf")
    (models / "dangling").mkdir()
    (models / "dangling" / "config.json").write_text('{"model_type": "llama"}')
    (models / "dangling" / "model.safetensors").symlink_to(tmp_path / "nowhere")
    (models / "senseless").mkdir()
    (models / "senseless" / "config.json").write_text('{"model_type": ["llama"], "num_labels": {}}')
    (models / "senseless" / "model.safetensors").write_bytes(b"x")
    (models / "link.gguf").symlink_to(tmp_path / "nowhere.gguf")
    registered = ["/" + "x" * 5000, "/a\0b", 5, None, str(tiny)]
    (paths.data_dir() / "models.json").write_text(json.dumps({"files": registered}))
    for _again in range(2):  # from the files, then from what was remembered of them
        found = {model.name: model for model in installed.installed()}
        assert {name for name, model in found.items() if not model.problem} == {"good", "odd", "tiny model"}
        for name in ("dangling", "senseless"):
            sentence = message(found[name].error())
            assert name in sentence, sentence
            assert "{" not in sentence, sentence


@pytest.mark.parametrize(
    "entry",
    [
        5,
        {},
        {"stamp": [1, 2]},
        {"stamp": [1, 2], "header": {}},
        {"stamp": 0, "header": {"size": "big"}},
    ],
)
def test_a_misshapen_entry_of_the_cache_is_read_again(tiny: Path, entry: object) -> None:
    shutil.copy(tiny, paths.models_dir() / "good.gguf")
    (before,) = installed.installed()
    cache = paths.cache_dir() / "model-headers.json"
    kept = json.loads(cache.read_text())
    kept["entries"] = dict.fromkeys(kept["entries"], entry)
    cache.write_text(json.dumps(kept))
    assert installed.installed() == [before]


@pytest.mark.parametrize("change", [{"size": "big"}, {"languages": 3}, {"problem": 4}, {"context": None}])
def test_a_field_of_the_wrong_kind_is_read_again(tiny: Path, change: dict[str, object]) -> None:
    shutil.copy(tiny, paths.models_dir() / "good.gguf")
    (before,) = installed.installed()
    cache = paths.cache_dir() / "model-headers.json"
    kept = json.loads(cache.read_text())
    for entry in kept["entries"].values():
        entry["header"] |= change
    cache.write_text(json.dumps(kept))
    assert installed.installed() == [before]
