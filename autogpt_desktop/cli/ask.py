"""``autogpt-desktop ask``: questions over files. Answers alone go to standard output."""

from __future__ import annotations

import argparse
import json
import os
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from autogpt_desktop.cli.output import Interrupt, Reporter, drive, error_text, say, tell, terminal_line
from autogpt_desktop.errors import KnownError
from autogpt_desktop.i18n import tr
from autogpt_desktop.settings import DEVICES, Settings

T = TypeVar("T")
_TOLD = 10  # files that are named for each reason to leave some out


def add_parser(commands: Any) -> None:
    """The command's options."""
    command = commands.add_parser("ask", help=tr("answer questions from files"))
    command.add_argument(
        "asked",
        nargs="+",
        metavar=tr("QUESTION PATH"),
        help=tr("a question, then files or folders; without one, or with “-”, standard input has one a line"),
    )
    command.add_argument("--json", action="store_true", help=tr("a line of JSON for each question"))
    command.add_argument("--whole", action="store_true", help=tr("read short files from end to end"))
    command.add_argument(
        "--follow-up", action="store_true", help=tr("a question may refer to the one before it")
    )
    command.add_argument("--model", default="", help=tr("a model's name, or a file or folder"))
    command.add_argument("--device", choices=DEVICES, default=None)


def run(options: argparse.Namespace, settings: Settings) -> int:
    """Run the command. Raises KnownError: no-files-to-ask, nothing-to-search, empty-question."""
    from autogpt_desktop.documents.index.collection import collection_of
    from autogpt_desktop.documents.index.index import Index
    from autogpt_desktop.engine.torch_backend.transformer import Cancelled
    from autogpt_desktop.runtime import open_models
    from autogpt_desktop.tasks.answer.indexing import embedder

    question, paths = parts(options.asked)
    stop, report = Interrupt(), Reporter()
    models = open_models(settings, {"answer": options.model}, options.device)
    collection = collection_of(paths)
    index = Index(collection)
    try:
        with models.job() as job, stop:
            embed = _to_end(embedder(job, stop), report)
            try:
                _bring(index, embed, report, stop)
            except KnownError as error:
                if error.key != "index-damaged":
                    raise
                index.close()
                index = Index(collection)  # the damaged one was put aside, and all can be read again
                _bring(index, embed, report, stop)
            _say_set_aside(index)
            previous: list[str] = []
            for line in [question] if question is not None else _questions():
                if stop.pressed:
                    break
                _answer(job, index, line, previous if options.follow_up else (), options, report, stop)
                previous.append(line)
    except Cancelled:
        return 130
    finally:
        index.close()
        models.unload()
    return 130 if stop.pressed else 0


def _bring(index: Any, embed: Any, report: Any, stop: Callable[[], bool]) -> None:
    """Bring the index up to date."""
    from autogpt_desktop.events import Result

    for event in drive(index.index(embed, cancelled=stop), report):
        assert isinstance(event, Result)


def parts(asked: Sequence[str]) -> tuple[str | None, list[Path]]:
    """The question (None: they come on standard input) and the paths.

    Raises KnownError: no-files-to-ask, document-missing, document-unreadable.
    """
    from autogpt_desktop.documents.files import file_error

    first, rest = asked[0], [Path(path) for path in asked[1:]]
    if "" in asked[1:]:  # a variable of the shell that is not set: it must not mean the folder one is in
        raise KnownError("no-files-to-ask")
    if first == "-":
        question = None
    elif os.path.exists(first) and not first.rstrip().endswith(("?", "？")):
        question, rest = None, [Path(first), *rest]
    else:
        question = first
    if not rest:
        raise KnownError("no-files-to-ask")
    for path in rest:
        try:
            path.stat()
        except (FileNotFoundError, NotADirectoryError, ValueError):
            raise KnownError("document-missing", name=str(path)) from None
        except OSError as error:
            raise file_error(path, error) from error
    return question, rest


def _to_end(steps: Generator[Any, None, T], report: Callable[[object], None]) -> T:
    """Report the steps' progress; what the generator returns."""
    while True:
        try:
            report(next(steps))
        except StopIteration as end:
            return end.value


def _questions() -> Iterator[str]:
    from autogpt_desktop.documents.read.lines import lines_of_stdin

    for line in lines_of_stdin():
        if line.strip():
            yield line.strip()


def _say_set_aside(index: Any) -> None:
    """What cannot be asked: files that could not be read, and what was left out of the folders."""
    for file in index.files():
        if file.error is not None:
            tell(error_text(file.error))
    skipped, count = index.skipped()
    told = Counter[str]()
    for item in skipped:
        told[item.key] += 1
        if told[item.key] <= _TOLD:
            tell(f"{terminal_line(str(item.path))}: {error_text(item.error())}")
    if rest := count - sum(min(number, _TOLD) for number in told.values()):
        tell(tr("{n} more files and folders were left out.", n=f"{rest:,}"))


def _answer(
    models: Any, index: Any, question: str, previous: Sequence[str], options: Any, report: Any, stop: Any
) -> None:
    from autogpt_desktop.tasks.answer.answer import Answered, Evidence, ask

    passages: tuple[Any, ...] = ()
    events = ask(models, question, index, previous=previous, whole=options.whole, cancelled=stop)
    for event in drive(events, report):
        if isinstance(event, Evidence):
            passages = event.passages
        elif isinstance(event, Answered):
            found = as_json(event, passages)
            if options.json:
                say(json.dumps({"question": question} | found, ensure_ascii=False))
            elif event.answered:
                numbers = "".join(f" [{number}]" for number in range(1, len(found["citations"]) + 1))
                say(terminal_line(" ".join(event.answer.split())) + numbers)
                for number, one in enumerate(found["citations"], 1):
                    page = tr(", page {page}", page=one["page"]) if one["page"] else ""
                    say(terminal_line(f"  [{number}] {one['path']}{page}"))
            else:
                say(tr("These files do not say it."))


def as_json(answered: Any, passages: Sequence[Any]) -> dict[str, Any]:
    """What a line of ``--json`` holds. ``start`` and ``end`` count characters of the file's text."""
    return {
        "answer": answered.answer,
        "answered": answered.answered,
        "confidence": round(answered.confidence, 4),
        "also_asked": list(answered.also_asked),
        "citations": [
            {
                "path": str(passages[one.passage].path),
                "page": passages[one.passage].page,
                "start": passages[one.passage].start + one.start,
                "end": passages[one.passage].start + one.end,
                "text": passages[one.passage].text[one.start : one.end],
            }
            for one in answered.citations
        ],
    }
