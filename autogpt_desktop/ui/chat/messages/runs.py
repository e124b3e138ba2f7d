"""What stands within a line: tokens of inline Markdown to runs."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from autogpt_desktop.ui.chat.messages.formula_blocks import CLOSERS
from autogpt_desktop.ui.chat.messages.formula_child import LONGEST
from autogpt_desktop.ui.chat.messages.lines import Line, Row, Run, Runs
from autogpt_desktop.ui.chat.messages.markdown_parse import image_text, parser
from autogpt_desktop.ui.chat.messages.segments import CUT

if TYPE_CHECKING:
    from markdown_it.token import Token

LINE = "\u2028"  # a line break inside one block
OBJECT = "\ufffc"  # the character that a formula is drawn at, before its source
FILLER = "\u200b"  # stands alone in a line that Qt would not show where it is
_TASK = re.compile(r"\[([ xX])\]\s")


def read_inline(source: str, references: Mapping[str, Any]) -> Runs:
    """The runs of a piece of a paragraph, or of a cell, with these addresses of links."""
    return inline_runs(parser().parseInline(source, {"references": references})[0])


def rewritten(line: Line | Row, pieces: Sequence[str], runs_of: Callable[[str], Runs]) -> Line | Row | None:
    """The line with other runs of the same source; None: it is another kind of line with them."""
    if isinstance(line, Row):
        return line._replace(cells=tuple(map(runs_of, pieces)))
    runs = runs_of(pieces[0])
    if line.item and not line.heading:
        runs, checked = task_runs(runs)
        if checked != line.item.checked:
            return None
    return line._replace(runs=runs) if runs else None


def task_runs(runs: Runs) -> tuple[Runs, bool | None]:
    """Of an item of a list, without the box of a task; whether that is checked, None: there is none."""
    task = _TASK.match(runs[0].text) if runs and not any(runs[0][1:]) else None
    if task is None:
        return runs, None
    rest = runs[0]._replace(text=runs[0].text[task.end() :])
    return (Run(task[0], hidden=True), rest, *runs[1:]), task[1] != " "


def formula_runs(token: Token) -> Runs:
    """A formula of its own; its lines as they are where it cannot be drawn, or not yet."""
    closer = CLOSERS[token.markup]
    end = token.content.rfind(closer) + len(closer)
    source = " ".join(token.content[:end].split())
    if token.meta["open"] or len(source) > LONGEST:
        return (Run(token.content.replace("\n", LINE)),)
    behind = Run(token.content[end:].strip())
    formula = f"$${source}$$" if closer.startswith(r"\end") else source
    hidden = Run(source, formula=formula, hidden=True)
    return (Run(OBJECT, formula=formula), hidden, *([behind] if behind.text else []))


def segment_runs(token: Token) -> Iterator[tuple[int, Runs]]:
    """The runs of a paragraph or a heading, segment by segment, with where in its text each begins."""
    begin, at, children = 0, 0, token.children or []
    for index, child in enumerate(children):
        if child.type == CUT:
            yield at, _runs(children[begin:index])
            begin, at = index + 1, int(child.meta["at"])
    yield at, _runs(children[begin:])


def inline_runs(token: Token) -> Runs:
    """The runs of a cell."""
    return _runs(token.children or ())


def _runs(children: Iterable[Token]) -> Runs:
    runs: list[Run] = []
    stack, raised = [Run("")], 0
    for child in children:
        form = stack[-1]._replace(raised=raised)
        match child.type:
            case "strong_open":
                stack.append(form._replace(bold=True))
            case "em_open":
                stack.append(form._replace(italic=True))
            case "s_open":
                stack.append(form._replace(strike=True))
            case "link_open":
                stack.append(form._replace(href=str(child.attrGet("href") or "")))
            case "strong_close" | "em_close" | "s_close" | "link_close":
                stack.pop()
            case "sub_open" | "sup_open":
                raised = 1 if child.type == "sup_open" else -1
            case "sub_close" | "sup_close":
                raised = 0
            case "formula":
                source = " ".join(child.content.split())
                _add(runs, form._replace(text=OBJECT, formula=source))
                _add(runs, form._replace(text=source, formula=source, hidden=True))
            case "code_inline":
                _add(runs, form._replace(text=child.content, mono=True))
            case "softbreak" | "hardbreak":
                _add(runs, form._replace(text=LINE))
            case "image":
                _add(runs, form._replace(text=image_text(child), muted=True))
            case _:
                _add(runs, form._replace(text=child.content))
    return tuple(runs)


_CONTROLS = dict.fromkeys(map(ord, "\n\r\u2029"), LINE) | dict.fromkeys((0, 0xFDD0, 0xFDD1, 0xFFFC), "\ufffd")


def _add(runs: list[Run], run: Run) -> None:
    if not run.formula or run.hidden:
        run = run._replace(text=run.text.translate(_CONTROLS))  # entities may stand for anything
    if runs and runs[-1][1:] == run[1:]:
        runs[-1] = run._replace(text=runs[-1].text + run.text)
    elif run.text:
        runs.append(run)
