"""The model card: what a model was made from and how, as the hub's cards have it; in English, as they are."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from autogpt_desktop._version import __version__
from autogpt_desktop.engine.config import ModelConfig
from autogpt_desktop.engine.formats.weight_shapes import expected_shapes
from autogpt_desktop.lab.runs.events import Compared, DataFound, Eval, Finished, Growth, Logged, Trial
from autogpt_desktop.lab.runs.spec import RunSpec

_ROWS = 20  # of a table


def model_card(
    folder: Path, config: ModelConfig, spec: RunSpec, found: DataFound, events: Sequence[Logged]
) -> str:
    """Markdown with front matter."""
    languages = [code for code, size in found.languages.items() if len(code) == 2 and size * 20 > found.bytes]
    lines = [
        "---",
        *([f"language: [{', '.join(languages)}]"] if languages else []),
        "library_name: transformers",
    ]
    lines += ["pipeline_tag: text-generation", "---", "", f"# {spec.name}", ""]
    lines += [
        f"A small language model, trained from nothing on one computer by AutoGPT Desktop {__version__} in"
        f" about {spec.minutes:g} minutes. It writes in the manner of its text. It knows nothing else, and"
        " what it says need not be true.",
        "",
        *_model(folder, config),
        *_data(found),
        *_search([one.event for one in events if isinstance(one.event, Trial)]),
        *_steps([one.event for one in events if isinstance(one.event, Growth | Compared)]),
        *_curve([one for one in events if isinstance(one.event, Eval)], found),
        *_end([one.event for one in events if isinstance(one.event, Finished)]),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _model(folder: Path, c: ModelConfig) -> list[str]:
    total = 0
    for shape in expected_shapes(c).values():
        count = 1
        for size in shape:
            count *= size
        total += count
    weights = folder / "model.safetensors"
    digest = hashlib.sha256()
    with weights.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    rows = [
        ("parameters", f"{total:,}"),
        ("layers", c.num_hidden_layers),
        ("hidden size", c.hidden_size),
        ("heads (of them for keys and values)", f"{c.num_attention_heads} ({c.num_key_value_heads})"),
        ("MLP size", c.intermediate_size),
        ("context", f"{c.max_position_embeddings:,} tokens"),
        ("vocabulary", f"{c.vocab_size:,} tokens"),
        ("SHA-256 of model.safetensors", f"`{digest.hexdigest()}`"),
    ]
    return ["## Model", "", "| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows), ""]


def _data(found: DataFound) -> list[str]:
    languages = ", ".join(f"{code} ({size:,} bytes)" for code, size in found.languages.items())
    lines = [
        "## Data",
        "",
        f"{found.documents:,} documents, {found.bytes:,} bytes ({found.tokens:,} tokens) to learn from and"
        f" {found.held_out_bytes:,} bytes ({found.held_out_tokens:,} tokens) held out."
        f" {found.duplicates:,} copies and {len(found.skipped):,} files were left out."
        f" Languages: {languages or 'unknown'}.",
        "",
    ]
    return lines


def _search(trials: Sequence[Trial]) -> list[str]:
    if not trials:
        return []
    best = sorted(trials, key=lambda trial: (trial.status != "done", trial.bits_per_byte or trial.loss or 99))
    lines = [f"## Search ({len(trials):,} trials)", "", "| trial | shape | parameters | loss | status |"]
    lines += ["|---|---|---|---|---|"]
    for trial in best[:_ROWS]:
        shape = ", ".join(f"{key} {value}" for key, value in trial.shape.items())
        lines.append(
            f"| {trial.number} | {shape} | {trial.parameters:,} | {trial.loss:.3f} | {trial.status} |"
        )
    return [*lines, ""]


def _steps(events: Sequence[Growth | Compared]) -> list[str]:
    lines = []
    for event in events:
        if isinstance(event, Growth):
            lines.append(
                f"- It grew {event.how} at step {event.step:,}: {event.parameters_before:,} →"
                f" {event.parameters_after:,} parameters."
            )
        else:
            losses = ", ".join(f"{name} {loss:.4f}" for name, loss in event.losses.items())
            lines.append(f"- Compared ({event.what}): {losses}. Kept: {event.winner}.")
    return ["## Growth", "", *lines, ""] if lines else []


def _curve(evals: Sequence[Logged], found: DataFound) -> list[str]:
    if not evals:
        return []
    step = max(1, len(evals) // _ROWS)
    chosen = [*evals[::step]] + ([evals[-1]] if (len(evals) - 1) % step else [])
    lines = ["## Held-out text", "", "| step | minutes | tokens seen | loss | bits per byte |"]
    lines += ["|---|---|---|---|---|"]
    for logged in chosen:
        event = logged.event
        assert isinstance(event, Eval)
        bits = f"{event.bits_per_byte:.3f}" if event.bits_per_byte else ""
        lines.append(
            f"| {event.step:,} | {logged.seconds / 60:.1f} | {event.tokens:,} | {event.loss:.4f} | {bits} |"
        )
    if found.xz_bits_per_byte:
        lines += ["", f"`xz -9` takes {found.xz_bits_per_byte:.3f} bits per byte of the same text."]
    return [*lines, ""]


def _end(finished: Sequence[Finished]) -> list[str]:
    if not finished or finished[-1].reason != "stopped":
        return []
    return ["It was stopped before its time was over, and resumed from there.", ""]
