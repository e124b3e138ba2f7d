"""A language model as a translator: it is shown examples and asked, see candidates."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from autogpt_desktop.documents.text.glossary import Glossary
from autogpt_desktop.events import Progress
from autogpt_desktop.tasks.prompts import LANGUAGES
from autogpt_desktop.tasks.translate import candidates
from autogpt_desktop.tasks.translate.prompts import SourceSentence
from autogpt_desktop.tasks.translate.translator import Answer, Cancelled

if TYPE_CHECKING:
    from autogpt_desktop.engine.generation.engine import Engine


@dataclass(frozen=True, slots=True)
class LanguageModelTranslator:
    """A ``translator.Translator`` for any language that has examples, from any that has a name."""

    engine: Engine

    @property
    def name(self) -> str:
        return self.engine.name

    @property
    def languages(self) -> tuple[str, ...]:
        return self.engine.config.languages

    @property
    def immediate(self) -> bool:
        return False

    def translates(self, source: str, target: str) -> bool:
        return target in LANGUAGES

    def answers(
        self,
        sources: Sequence[SourceSentence],
        target: str,
        glossary: Glossary,
        quality: str,
        cancelled: Cancelled,
    ) -> Generator[Progress, None, list[Answer]]:
        found = yield from candidates.answers(self.engine, sources, target, glossary, quality, cancelled)
        if sources and sources[0].source not in LANGUAGES:  # it was shown examples in English
            found = [replace(one, flags=(*dict.fromkeys(("language", *one.flags)),)) for one in found]
        return found

    def several(
        self,
        sources: Sequence[SourceSentence],
        target: str,
        count: int,
        cancelled: Cancelled,
        prefix: str = "",
        words: str = "",
    ) -> Generator[Progress, None, list[list[Answer]]]:
        return (yield from candidates.several(self.engine, sources, target, count, cancelled, prefix))
