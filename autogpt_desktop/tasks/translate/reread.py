"""Translations that people wrote or changed, read again by what reads those of models."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from autogpt_desktop.documents.text.chinese import in_script, without_script
from autogpt_desktop.documents.text.glossary import Glossary
from autogpt_desktop.events import Notice, Progress, Result
from autogpt_desktop.tasks.translate.checks import flags
from autogpt_desktop.tasks.translate.chinese import in_scripts
from autogpt_desktop.tasks.translate.doubt import flags_by

if TYPE_CHECKING:
    from autogpt_desktop.engine.model_pool import Models

TOGETHER = 32  # sentences between two events


def reread(
    models: Models,
    pairs: Sequence[tuple[str, str]],
    source: str,
    target: str,
    *,
    judge_of: Callable[[str, str], str] = lambda _source, _target: "",
    language_model: bool = False,
    glossary: Glossary | None = None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Iterator[Progress | Notice | Result]:
    """What is wrong with translations (sentence, translation): last a Result with the flags of each.

    ``judge_of``: the name of the pack that reads a pair of languages; where there is none, the model of the
    role reads them if there is a ``language_model``, else the texts alone are compared. Raises
    ``Cancelled``, and whatever loading can raise.
    """
    glossary = in_scripts(glossary or Glossary(), source, target)
    said = [flags(text, other, source, target, glossary) for text, other in pairs]
    codes = without_script(source), without_script(target)
    judge = yield from _judge(models, *codes, judge_of, language_model)
    if judge is not None:
        plain = [(_plain(text, source), _plain(other, target)) for text, other in pairs]
        for start in range(0, len(pairs), TOGETHER):
            part = slice(start, start + TOGETHER)
            said[part] = yield from flags_by(judge, said[part], plain[part], *codes, cancelled)
    yield Result(said)


def _judge(
    models: Models, source: str, target: str, judge_of: Callable[[str, str], str], language_model: bool
) -> Generator[Progress | Notice, None, Any]:
    if name := judge_of(source, target):
        return (yield from models.get(name))
    if not language_model:
        return None
    from autogpt_desktop.engine.generation.engine import Engine

    engine: Any = yield from models.get("translate")
    return engine if isinstance(engine, Engine) else None


def _plain(text: str, code: str) -> str:
    return in_script(text, without_script(code)) if code != without_script(code) else text
