"""Files of every kind with 200 formatted spans, translated with a pack: none is lost or comes twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from autogpt_desktop.events import Result
from autogpt_desktop.runtime import open_models
from autogpt_desktop.settings import Settings
from autogpt_desktop.tasks.translate.files import translate_file
from tests.documents.write.marked_files import (
    KINDS,
    PLACEHOLDER,
    Sentence,
    expected,
    faults,
    marked,
    sentences,
)

pytestmark = pytest.mark.slow


def test_there_are_200_spans() -> None:
    for language in ("en", "pt"):
        found = [piece for sentence in sentences(language) for piece in sentence]
        assert (
            sum(bool(mark) for mark, _ in found) + sum(len(PLACEHOLDER.findall(text)) for _, text in found)
            > 200
        )


@pytest.mark.parametrize("suffix", [suffix for suffix in KINDS if suffix not in (".po", ".xliff")])
def test_what_is_written_is_read(suffix: str, tmp_path: Path) -> None:
    write, read = KINDS[suffix]
    path = tmp_path / f"a{suffix}"
    write(path, sentences("en"))
    assert [*map(marked, read(path))] == [*map(marked, expected(suffix, sentences("en")))]


def spoiled(made: list[Sentence]) -> list[str]:
    return [fault for old, new in zip(sentences("en"), made, strict=True) for fault in faults(old, new)]


def test_faults_are_seen() -> None:
    good = sentences("en")
    assert spoiled(good) == []
    bold = next(at for at, (mark, _) in enumerate(good[0]) if mark == "b")
    assert spoiled([good[0][:bold] + good[0][bold + 1 :], *good[1:]]) == ["lost b"]
    assert spoiled([[*good[0], ("b", "x"), ("", "{count}")], *good[1:]]) == ["doubled b", "doubled {count}"]


@pytest.mark.weights
@pytest.mark.parametrize("suffix", KINDS)
@pytest.mark.parametrize("source", ["en", "pt"])
def test_no_span_is_lost_or_doubled(
    source: str, suffix: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    target = "pt" if source == "en" else "en"
    models = open_models(
        Settings(), {"translate": str(request.getfixturevalue(f"pack_{source}_{target}"))}, "cpu"
    )
    write, read = KINDS[suffix]
    path = tmp_path / f"a{suffix}"
    given = expected(suffix, sentences(source))
    write(path, sentences(source))
    try:
        with models.job() as job:
            (done,) = [
                event.value
                for event in translate_file(job, path, None, source, target)
                if isinstance(event, Result)
            ]
    finally:
        models.unload()
    made = read(done.out)
    wrong = [
        (at, fault, marked(new))
        for at, (old, new) in enumerate(zip(given, made, strict=True))
        for fault in faults(old, new)
    ]
    assert not wrong
