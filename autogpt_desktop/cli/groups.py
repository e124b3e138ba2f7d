"""``--group-by`` and ``--group-by-month``: the shares of the labels in groups of a table's rows."""

from __future__ import annotations

import argparse
import json
from typing import Any

from autogpt_desktop.cli.output import say, tell
from autogpt_desktop.i18n import message


def grouping(options: argparse.Namespace) -> str:
    """The column that rows are grouped by; "" for none."""
    return options.group_by or options.group_by_month or ""


def print_groups(run: Any, options: argparse.Namespace) -> None:
    """A line for each group: its name, how many texts it has, how many of each label, and their shares."""
    from autogpt_desktop.events import Result
    from autogpt_desktop.tasks.sentiment.groups import group_table

    by_month = bool(options.group_by_month)
    column = run.table.column(grouping(options))
    for event in run.groups(column, by_month=by_month):
        if not isinstance(event, Result):
            continue
        names, rows = group_table(event.value, options.two_way, "")
        if not options.json:
            say("\t".join(" ".join(str(name).split()) for name in names))
        for row in rows:
            if options.json:
                say(json.dumps(dict(zip(["group", *names[1:]], row, strict=True)), ensure_ascii=False))
            else:
                say("\t".join(" ".join(str(cell).split()) for cell in row))
        if event.value.unclear:
            tell(message("notice.sentiment-dates-unclear", date=event.value.unclear))
