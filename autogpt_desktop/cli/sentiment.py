"""``autogpt-desktop sentiment``: a text a line, or a table's column. Results alone go to standard output."""

from __future__ import annotations

import argparse
import json
import os
import re
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autogpt_desktop.cli.groups import grouping, print_groups
from autogpt_desktop.cli.output import Interrupt, Reporter, drive, say, tell
from autogpt_desktop.cli.own_labels import (
    check_options,
    has_own_labels,
    label_lines,
    label_table,
    load_head,
)
from autogpt_desktop.errors import KnownError
from autogpt_desktop.i18n import tr
from autogpt_desktop.settings import DEVICES, Settings

if TYPE_CHECKING:
    from autogpt_desktop.engine.model_pool import Models

_LARGEST = 512 << 20  # bytes: the largest file of lines


def add_parser(commands: Any) -> None:
    """The command's options."""
    command = commands.add_parser("sentiment", help=tr("tell positive, neutral and negative texts apart"))
    command.add_argument(
        "files",
        nargs="*",
        type=Path,
        metavar=tr("FILE"),
        help=tr("a text a line, CSV or XLSX; otherwise standard input"),
    )
    command.add_argument("--json", action="store_true", help=tr("a line of JSON for each text"))
    command.add_argument("--two-way", action="store_true", help=tr("leave neutral out"))
    command.add_argument("--column", help=tr("of a table: the column with the texts, by name or number"))
    command.add_argument("--sheet", default="", help=tr("of a workbook: the sheet, otherwise the first"))
    command.add_argument(
        "--header-row",
        type=int,
        metavar="N",
        help=tr("of a table: the row with the columns' names, otherwise found; titles may stand above it"),
    )
    command.add_argument(
        "--no-header", action="store_true", help=tr("of a table: its columns have no names, only numbers")
    )
    command.add_argument(
        "--delimiter",
        metavar="C",
        help=tr('of CSV: what stands between cells, such as ";" or tab, or none; otherwise found'),
    )
    groups = command.add_mutually_exclusive_group()
    groups.add_argument(
        "--group-by",
        metavar=tr("COLUMN"),
        help=tr("of a table: the shares for each value of that column, instead of the rows"),
    )
    groups.add_argument(
        "--group-by-month",
        metavar=tr("COLUMN"),
        help=tr("of a table: the shares for each month of the dates in that column, instead of the rows"),
    )
    command.add_argument(
        "--out",
        type=Path,
        metavar=tr("FILE"),
        help=tr("write the table with the results there (CSV or XLSX)"),
    )
    command.add_argument("--model", default="", help=tr("a model's name, or a file or folder"))
    command.add_argument("--device", choices=DEVICES, default=None)


def run(options: argparse.Namespace, settings: Settings) -> int:
    """Run the command. Raises KnownError."""
    tables = _checked(options)  # before anything slow is imported
    from autogpt_desktop.runtime import open_models
    from autogpt_desktop.storage.corrections import Corrections

    corrections, stop = Corrections(), Interrupt()
    own = has_own_labels(options.model)
    if own:
        check_options(options)
    models = open_models(settings, {"sentiment": options.model}, options.device)
    try:
        with models.job() as job, stop:
            if own:
                return _own_labels(job, tables, options, stop)
            for file in options.files or [None]:
                if file in tables:
                    _table(job, *tables[file], options, corrections, stop)
                else:
                    _lines(job, _lines_of(file), options, corrections, stop)
                if stop.pressed:
                    return 130
    finally:
        models.unload()
    return 0


def _own_labels(
    models: Any, tables: dict[Any, tuple[Any, str]], options: argparse.Namespace, stop: Callable[[], bool]
) -> int:
    """The same by a head with the user's own labels."""
    from autogpt_desktop.engine.interface import Cancelled

    for file in options.files or [None]:
        try:
            if file in tables:
                label_table(models, *tables[file], options, stop)
            else:
                label_lines(load_head(models, options.model), _lines_of(file), options, stop)
        except Cancelled:
            tell(tr("Stopped. What was done is kept: the same command goes on there."))
        if stop():
            return 130
    return 0


def _checked(options: argparse.Namespace) -> dict[Any, tuple[Any, str]]:
    """Of the files those that are tables, opened, each with its column's name."""
    from autogpt_desktop.documents.files import check
    from autogpt_desktop.documents.read.lines import encoding_of_file
    from autogpt_desktop.documents.tables import read_table
    from autogpt_desktop.documents.types import Limits
    from autogpt_desktop.tasks.sentiment.sources import is_table

    if options.out and len(options.files) != 1:
        raise KnownError("sentiment-one-file")
    if grouping(options) and not options.files:
        raise KnownError("sentiment-no-groups", name=tr("standard input"))
    tables = {}
    for file in options.files:
        if is_table(file):
            table = read_table(file, options=_how_to_read(options))
            column = options.column or (table.columns[0] if len(table.columns) == 1 else "")
            if not column:
                raise KnownError("sentiment-no-column", columns=", ".join(table.columns[:20]))
            _say_guess(table, table.column(column), column)
            if grouping(options):
                table.column(grouping(options))
            if options.out and os.path.exists(options.out) and options.out.samefile(file):
                raise KnownError("sentiment-same-file", name=file.name)
            tables[file] = table, column
        elif grouping(options):
            raise KnownError("sentiment-no-groups", name=file.name)
        elif options.out:
            raise KnownError("sentiment-not-a-table", name=file.name)
        else:
            check(file, Limits(file_bytes=_LARGEST))
            encoding_of_file(file)
    return tables


def _how_to_read(options: argparse.Namespace) -> Any:
    """What of it the user has said. Raises KnownError("sentiment-delimiter")."""
    from autogpt_desktop.documents.tables import TableOptions

    delimiter = options.delimiter
    if delimiter is not None:
        named = {"tab": "\t", "\\t": "\t", "none": "", "comma": ",", "semicolon": ";", "pipe": "|"}
        delimiter = named.get(delimiter.lower(), delimiter)
        if len(delimiter) > 1 or delimiter in ("\r", "\n", '"'):
            raise KnownError("sentiment-delimiter", delimiter=options.delimiter)
    header_row = 0 if options.no_header else options.header_row
    if header_row is not None and header_row < 0:
        raise KnownError("sentiment-header-row", row=header_row)
    return TableOptions(options.sheet, delimiter, header_row)


def _say_guess(table: Any, column: int, asked: str) -> None:
    """Where the header is not the first row, and which of several columns of one name is meant."""
    name = table.columns[column]
    if table.header_row > 1:
        tell(
            tr(
                "The names of the columns stand in row {row} (--header-row says otherwise).",
                row=table.header_row,
            )
        )
    elif not table.header_row:
        tell(tr("The columns have no names (--header-row 1 says otherwise)."))
    others = [one for one in table.columns if re.fullmatch(re.escape(name) + r" \(\d+\)", one)]
    if others and asked != str(column + 1):
        tell(
            tr("“{column}” is there more than once: the first one is judged. The others are called {others}.",
               column=name, others=", ".join(f"“{one}”" for one in others))
        )  # fmt: skip


def _lines_of(file: Path | None) -> Iterator[str]:
    """Texts, one a line; of standard input as they come."""
    from autogpt_desktop.documents.read.lines import lines_of_file, lines_of_stdin

    return lines_of_stdin() if file is None else lines_of_file(file)


def _table(
    models: Models,
    table: Any,
    column: str,
    options: argparse.Namespace,
    corrections: Any,
    stop: Callable[[], bool],
) -> None:
    from autogpt_desktop.documents.tables import check_kind
    from autogpt_desktop.events import Notice, Progress
    from autogpt_desktop.tasks.sentiment.table import RunState, TableRun

    if options.json and not options.out and not grouping(options):
        _lines(models, _texts(table, table.column(column)), options, corrections, stop)
        return
    if options.out:
        check_kind(options.out)
    report, last = _Rate(Reporter()), RunState(0, 0, 0, 0, 0.0)
    with closing(TableRun(table, column)) as run:
        for event in _until(
            run.run(models, two_way=options.two_way, corrections=corrections, cancelled=stop), stop
        ):
            if isinstance(event, RunState):
                last = event
                report.state(event)
            elif isinstance(event, Progress | Notice):
                report.event(event)
        report.reporter.clear()
        if stop():
            tell(tr("Stopped. What was done is kept: the same command goes on there."))
            return
        if options.out:
            for notice in run.losses(options.out):
                report.event(notice)
            run.export(options.out)
        if grouping(options):
            print_groups(run, options)
        elif not options.out:
            for row, one in run.rows():
                _print(one, row[run.column])
    shares = {label: f"{last.labels.get(label, 0)}" for label in ("positive", "neutral", "negative")}
    tell(tr("positive {positive}, neutral {neutral}, negative {negative}", **shares))
    _say_foreign(last.unknown_language)


def _texts(table: Any, column: int) -> Iterator[str]:
    """A column's texts; at their end what is to be said of formulas among them."""
    from autogpt_desktop.documents.tables import UnsavedFormula
    from autogpt_desktop.tasks.sentiment.table import formulas_notice

    formulas = texts = 0
    for row in table.rows():
        formulas += isinstance(row[column], UnsavedFormula)
        texts += bool(row[column].strip())
        yield row[column]
    if formulas:
        Reporter()(formulas_notice(table, column, formulas, texts))


def _lines(
    models: Models,
    texts: Iterator[str],
    options: argparse.Namespace,
    corrections: Any,
    stop: Callable[[], bool],
) -> None:
    from autogpt_desktop.tasks.sentiment.sentiment import Scored
    from autogpt_desktop.tasks.sentiment.sentiment import sentiment as score

    waiting: dict[int, str] = {}

    def numbered() -> Iterator[str]:
        for index, text in enumerate(texts):
            waiting[index] = text
            yield text

    foreign = 0
    events = score(
        models,
        numbered(),
        two_way=options.two_way,
        sentences=options.json,
        corrections=corrections,
        cancelled=stop,
    )
    for one in drive(_until(events, stop), Reporter()):
        if isinstance(one, Scored):
            text = waiting.pop(one.index)
            foreign += bool(one.language)
            if options.json:
                say(json.dumps(as_json(one, text, options.two_way), ensure_ascii=False))
            else:
                _print(one, text)
    _say_foreign(foreign)


def as_json(one: Any, text: str, two_way: bool = False) -> dict[str, Any]:
    """What a line of ``--json`` holds."""
    keys = ("positive", "negative") if two_way else ("positive", "neutral", "negative")
    found = {"text": text, "label": one.label} | {key: round(getattr(one, key), 6) for key in keys}
    found["sentences"] = [
        {"start": part.start, "end": part.end, "text": text[part.start : part.end]}
        | {key: round(getattr(part, key), 6) for key in keys}
        for part in one.sentences
    ]
    if one.flags:
        found["flags"] = list(one.flags)
    if one.language:
        found["language"] = one.language
    return found


def _print(one: Any, text: str) -> None:
    share = f"{getattr(one, one.label):.3f}" if one.label else ""
    say(f"{one.label}\t{share}\t{' '.join(text.split())}")


def _say_foreign(count: int) -> None:
    if count:
        tell(tr("{n} texts are in a language that the model does not know: do not rely on these.", n=count))


def _until(events: Iterator[Any], stop: Callable[[], bool]) -> Iterator[Any]:
    """The events, ended rather than broken off by Ctrl+C."""
    from autogpt_desktop.engine.interface import Cancelled

    try:
        yield from events
    except Cancelled:
        if not stop():
            raise


class _Rate:
    """The reporter's line, with rows a second."""

    def __init__(self, reporter: Any) -> None:
        self.reporter, self.speed = reporter, ""

    def state(self, state: Any) -> None:
        from autogpt_desktop.events import Progress

        self.speed = tr("{n} rows a second", n=f"{state.rows_per_second:.1f}")
        self.event(Progress("stage.scoring", state.done, state.total))

    def event(self, event: Any) -> None:
        self.reporter(event)
        if self.speed and self.reporter.live and self.reporter.shown:
            self.reporter.add(f"  {self.speed} ")
