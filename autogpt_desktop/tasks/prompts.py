"""What models are shown and asked: the one place where the tasks' prompts are read and put together.

The examples themselves stand in ``resources/prompts``.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from functools import cache
from typing import Any

from autogpt_desktop import paths

LANGUAGES = {  # ISO 639-1 → the name in prompts; all of them have examples
    "en": "English", "zh": "Chinese", "fr": "French", "de": "German", "es": "Spanish", "ja": "Japanese",
    "ko": "Korean", "pt": "Portuguese", "it": "Italian", "ru": "Russian", "ar": "Arabic",
}  # fmt: skip
TRANSLATION_ENDS = "\n"  # a base model goes on with the next example behind this
_INSTRUCTION = "Translate from {source} to {target}. Answer with the translation alone."


@cache
def parallel() -> tuple[dict[str, str], ...]:
    """Sentences by language: rows of ``resources/prompts/translate.toml``."""
    with (paths.resources() / "prompts" / "translate.toml").open("rb") as file:
        return tuple(tomllib.load(file)["sentences"])


@cache
def usual_ratio(source: str, target: str) -> float:
    """Characters of a translation for each of its source, by the parallel sentences; 1 where unknown."""
    if source not in LANGUAGES or target not in LANGUAGES:
        return 1.0
    return sum(len(row[target]) for row in parallel()) / sum(len(row[source]) for row in parallel())


def translation_shots(source: str, target: str, order: Sequence[int] = ()) -> list[tuple[str, str]]:
    """Pairs of sentences for a prompt: rows ``order`` of the table, by default all."""
    rows = parallel()
    return [(rows[at][source], rows[at][target]) for at in order or range(len(rows))]


def translation_prefix(source: str, target: str, order: Sequence[int] = ()) -> str:
    """What comes before every sentence for a model without a chat template."""
    shots = translation_shots(source, target, order)
    return "".join(f"{translation_line(source, target, text)} {other}\n\n" for text, other in shots)


def translation_line(source: str, target: str, text: str, terms: Sequence[tuple[str, str]] = ()) -> str:
    """A sentence to translate, for a model without a chat template. ``terms``: of the glossary, as short
    examples right in front of it."""
    names = LANGUAGES[source], LANGUAGES[target]
    hints = "".join(f"{names[0]}: {term}\n{names[1]}: {other}\n\n" for term, other in terms)
    return f"{hints}{names[0]}: {text}\n{names[1]}:"


@cache
def _own(family: str) -> dict[str, Any] | None:
    """The prompts that a family of translation models was trained with; None: it has none of its own."""
    if family != "hunyuan-dense":
        return None
    with (paths.resources() / "prompts" / "hunyuan.toml").open("rb") as file:
        return tomllib.load(file)


def own_translation_messages(
    family: str,
    source: str,
    target: str,
    text: str,
    terms: Sequence[tuple[str, str]] = (),
    context: str = "",
) -> list[dict[str, Any]] | None:
    """The conversation for a translation model whose maker says how it is to be asked; None for others.

    ``context``: what is known around the text, such as the sentences before it.
    """
    own = _own(family)
    if own is None:
        return None
    asked = own["zh" if "zh" in (source, target) else "en"]
    name = asked.get("languages", LANGUAGES)[target]
    lines = "".join(asked["term"].format(source=term, target=other) for term, other in terms)
    request = asked["context" if context else "plain"].format(target=name, text=text, context=context)
    return [{"role": "user", "content": (asked["terms"].format(terms=lines) if terms else "") + request}]


def translation_messages(
    source: str,
    target: str,
    text: str,
    order: Sequence[int] = (),
    terms: Sequence[tuple[str, str]] = (),
) -> list[dict[str, Any]]:
    """The conversation for a model with a chat template, its last turn the sentence to translate."""
    instruction = _INSTRUCTION.format(source=LANGUAGES[source], target=LANGUAGES[target])
    turns = [{"role": "system", "content": instruction}]
    for example, other in translation_shots(source, target, order)[-3:]:
        turns += [{"role": "user", "content": example}, {"role": "assistant", "content": other}]
    for term, other in terms:
        turns += [{"role": "user", "content": term}, {"role": "assistant", "content": other}]
    return [*turns, {"role": "user", "content": text}]
