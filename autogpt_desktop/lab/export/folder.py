"""What a trained model's folder holds beside its weights, so that other programs load it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from autogpt_desktop import atomic
from autogpt_desktop.engine.formats.hf_config import config_from_folder
from autogpt_desktop.errors import KnownError
from autogpt_desktop.lab.data.tokenize import END
from autogpt_desktop.lab.export.card import model_card
from autogpt_desktop.lab.export.gguf import write_gguf
from autogpt_desktop.lab.runs.events import DataFound, Logged
from autogpt_desktop.lab.runs.spec import RunSpec

GGUF = "model.gguf"


def complete_folder(
    folder: Path, tokenizer: Tokenizer, spec: RunSpec, found: DataFound, events: Sequence[Logged]
) -> None:
    """Beside ``config.json`` and ``model.safetensors``, which training left, write the tokenizer's files, the
    settings for generation, the card and a GGUF file. Raises OSError."""
    config = config_from_folder(folder)
    end = tokenizer.token_to_id(END)
    atomic.write_text(folder / "tokenizer.json", tokenizer.to_str(), private=True)
    _write(folder / "tokenizer_config.json", {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": END,
        "eos_token": END,
        "pad_token": END,
        "add_bos_token": False,
        "clean_up_tokenization_spaces": False,
        "model_max_length": config.max_position_embeddings,
    })  # fmt: skip
    _write(folder / "generation_config.json", {
        "bos_token_id": end, "eos_token_id": end, "pad_token_id": end,
        "do_sample": True, "temperature": 0.8, "top_p": 0.95,
    })  # fmt: skip
    try:
        write_gguf(folder, folder / GGUF, name=spec.name)
    except KnownError as error:
        if error.key != "lab-no-gguf":
            raise
    card = model_card(folder, config, spec, found, events)
    atomic.write_text(folder / "README.md", card, private=True)


def _write(path: Path, values: dict[str, Any]) -> None:
    atomic.write_text(path, json.dumps(values, indent=2) + "\n", private=True)
