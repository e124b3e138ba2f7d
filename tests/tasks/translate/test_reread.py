"""What users wrote is judged as what models wrote is."""

from __future__ import annotations

from typing import Any

from autogpt_desktop.documents.text.glossary import Glossary, Term
from autogpt_desktop.events import Progress, Result
from autogpt_desktop.tasks.translate.reread import reread
from tests.tasks.translate.test_routed import Reader

PAIRS = [("one", "um"), ("two", "três"), ("In 1936.", "Em 1963.")]


class Models:
    def __init__(self) -> None:
        self.asked: list[str] = []

    def get(self, name: str) -> Any:
        yield Progress("stage.loading")
        self.asked.append(name)
        return Reader({"one": "um", "two": "dois", "In 1936.": "Em 1963."})


def result(models: Models, pairs: list[tuple[str, str]], *languages: str, **more: Any) -> Any:
    events = reread(models, pairs, *languages, **more)  # type: ignore[arg-type]
    return next(event.value for event in events if isinstance(event, Result))


def test_by_the_pack_of_the_pair() -> None:
    models = Models()
    found = result(models, PAIRS, "en", "pt", judge_of=lambda source, target: f"{source}-{target}")
    assert found == [(), ("unlike",), ("numbers",)]
    assert models.asked == ["en-pt"]


def test_by_the_texts_alone() -> None:
    models = Models()
    assert result(models, PAIRS, "en", "pt") == [(), (), ("numbers",)]
    assert models.asked == []


def test_terms_of_the_glossary_in_either_script() -> None:
    terms = Glossary([Term("hair", "头发")])
    pairs = [("Her hair.", "她的頭髮。"), ("Her hair.", "她的臉。")]
    assert result(Models(), pairs, "en", "zh-Hant", glossary=terms) == [(), ("glossary",)]
