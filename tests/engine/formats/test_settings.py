"""The schema of strangers' settings: a value of another kind, or out of its range, is refused by name."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from autogpt_desktop.engine.formats.gguf import read_gguf
from autogpt_desktop.engine.formats.gguf_mapping import config_from_gguf
from autogpt_desktop.engine.formats.hf_config import config_from_folder
from autogpt_desktop.engine.formats.settings import Settings
from autogpt_desktop.engine.torch_backend.rotary import rope_frequencies
from autogpt_desktop.errors import KnownError
from tests.engine.formats.test_hf_config import SHAPE
from tests.engine.fuzz_values import gguf_bytes
from tests.tiny import write_tiny_gguf


def settings(value: Any) -> Settings:
    return Settings({"x": value}, lambda name: KnownError("gguf-setting", setting=name))


@pytest.mark.parametrize("value", [True, "3", 2.5, 0, -1, 2**40, math.nan, math.inf, [], [3, 4], {}])
def test_what_is_no_whole_number_in_range(value: Any) -> None:
    with pytest.raises(KnownError, match="setting=x"):
        settings(value).integer("x")


def test_what_is_a_whole_number_in_range() -> None:
    assert settings(3).integer("x") == 3
    assert settings(3.0).integer("x") == 3
    assert settings(np.array([3, 3])).integer("x") == 3
    assert settings(None).integer("x", 7) == 7
    with pytest.raises(KnownError):
        settings(None).integer("x")


@pytest.mark.parametrize("value", [True, "3", 0, -1.0, 1e16, math.nan, math.inf, [], {}, 2**200])
def test_what_is_no_number_in_range(value: Any) -> None:
    with pytest.raises(KnownError, match="setting=x"):
        settings(value).number("x", 1.0)


@pytest.mark.parametrize("value", [0, 1, "yes", [], 1.0])
def test_what_is_no_flag(value: Any) -> None:
    with pytest.raises(KnownError, match="setting=x"):
        settings(value).flag("x", True)


SCALING = {"rope_type": "yarn", "factor": 2.0, "rope_theta": 1e4, "original_max_position_embeddings": 128}


@pytest.mark.parametrize(
    "change",
    [
        {"rope_theta": 1.0}, {"rope_theta": 1.0 + 1e-15}, {"beta_fast": 1e-320}, {"beta_slow": 1e300},
        {"factor": 0}, {"factor": "2"}, {"original_max_position_embeddings": 0},
        {"attention_factor": math.nan},
        {"rope_type": "llama3", "low_freq_factor": 4.0, "high_freq_factor": 4.0}, {"rope_type": ["yarn"]},
    ],
)  # fmt: skip
def test_scalings_that_divide_by_nothing_are_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    def config(rope: dict[str, Any]) -> Any:
        (tmp_path / "config.json").write_text(
            json.dumps(SHAPE | {"model_type": "llama", "rope_parameters": rope})
        )
        return config_from_folder(tmp_path)

    right = config(SCALING)
    frequencies, factor = rope_frequencies(right.rope_dim, right.rope_theta, right.rope_scaling)
    assert frequencies.isfinite().all()
    assert math.isfinite(factor)
    with pytest.raises(KnownError, match="folder-"):
        config(SCALING | change)


def test_a_vector_in_blocks_is_refused(tmp_path: Path) -> None:
    tiny = write_tiny_gguf(tmp_path / "good.gguf", quant="Q4_1")

    def change(metadata: dict[str, Any], tensors: list[list[Any]]) -> None:
        next(tensor for tensor in tensors if tensor[0] == "blk.0.attn_norm.weight")[2] = 3  # Q4_1

    bad = tmp_path / "bad.gguf"
    bad.write_bytes(gguf_bytes(tiny.path, change))
    with pytest.raises(KnownError, match="gguf-tensor-shape"):
        config_from_gguf(read_gguf(bad))


@pytest.mark.parametrize("key", ["rope.freq_base", "rope.scaling.yarn_beta_fast"])
def test_yarn_in_a_gguf_file(tmp_path: Path, key: str) -> None:
    values: dict[str, Any] = {"rope.scaling.type": "yarn", "rope.scaling.factor": 2.0, key: 1.0000001}
    if key != "rope.freq_base":
        values[key] = 1e-30
    tiny = write_tiny_gguf(tmp_path / "tiny.gguf", "qwen2", metadata=values)
    with pytest.raises(KnownError, match="gguf-setting"):
        config_from_gguf(read_gguf(tiny.path))
