"""From a role to a translator."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING

from autogpt_desktop.documents.text.chinese import without_script
from autogpt_desktop.events import Notice, Progress
from autogpt_desktop.tasks.translate.chinese import converting, converts
from autogpt_desktop.tasks.translate.language_model import LanguageModelTranslator
from autogpt_desktop.tasks.translate.seq2seq import Seq2SeqTranslator
from autogpt_desktop.tasks.translate.translator import Translator

if TYPE_CHECKING:
    from autogpt_desktop.engine.generation.engine import Engine
    from autogpt_desktop.engine.generation.seq2seq import Seq2SeqEngine
    from autogpt_desktop.engine.model_pool import Models


def translator_for(engine: Engine | Seq2SeqEngine) -> Translator:
    """What translates with a loaded model, by its kind."""
    from autogpt_desktop.engine.generation.seq2seq import Seq2SeqEngine

    return Seq2SeqTranslator(engine) if isinstance(engine, Seq2SeqEngine) else LanguageModelTranslator(engine)


def by_role(models: Models, source: str, target: str) -> Generator[Progress | Notice, None, Translator]:
    """The model with the role "translate", whatever the pair: a ``translator.Choose``."""
    if converts(source, target):
        plain = by_role(models, without_script(source), without_script(target))
        return (yield from converting(plain, source, target))
    return translator_for((yield from models.get("translate")))
