"""What people train on, read: documents of any kind, JSONL, tables, exported conversations.

Documents are parsed in a child process (``documents.read``), tables too; JSON is read here, line by line.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autogpt_desktop.documents.files import file_error, read_bytes
from autogpt_desktop.documents.read.reader import Reader
from autogpt_desktop.documents.scan import Skipped, scan
from autogpt_desktop.documents.tables import TABLES, Table, read_table
from autogpt_desktop.documents.text.encoding import decode, find_encoding
from autogpt_desktop.documents.types import Limits
from autogpt_desktop.errors import KnownError
from autogpt_desktop.lab.data.examples import Example, Turn, pair, question_about
from autogpt_desktop.lab.runs.spec import DataSpec
from autogpt_desktop.regular_file import open_regular
from autogpt_desktop.thinking import without_thinking

LIMITS = Limits(
    file_bytes=512 << 20,
    unpacked_bytes=1 << 30,
    characters=256_000_000,
    seconds=600.0,
    memory=6 << 30,
)
_LINE = 32 << 20  # bytes of one line of JSON
_ROLES = {
    "system": "system", "developer": "system", "user": "user", "human": "user", "prompter": "user",
    "assistant": "assistant", "gpt": "assistant", "bot": "assistant", "model": "assistant",
    "chatgpt": "assistant",
}  # fmt: skip
# What fields of pairs are called, in order of preference; the third, if there, stands behind the question.
_PAIRS = (
    ("prompt", "completion", ""),
    ("instruction", "output", "input"),
    ("question", "answer", "context"),
    ("prompt", "response", ""),
    ("instruction", "response", "context"),
    ("input", "output", ""),
    ("query", "response", ""),
    ("source", "target", ""),
)
_TEXTS = ("text", "content", "body", "document", "markdown")


@dataclass(frozen=True, slots=True)
class Source:
    """One example, with the name of the file that it stands in."""

    name: str
    example: Example
    label: str = ""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A file that gives nothing, and why; ``count``: so many lines or rows of it."""

    name: str
    error: KnownError
    count: int = 0


def read_sources(spec: DataSpec) -> Iterator[Source | LeftOut | None]:
    """Every example of the files and folders, in order of name; None now and then, while a file is read.

    Raises KnownError where what was named is not there; what goes wrong with a file comes as LeftOut.
    """
    roots = [Path(path).expanduser() for path in spec.paths]
    for root in roots:
        try:
            root.stat()
        except (OSError, ValueError) as error:
            raise file_error(root, error if isinstance(error, OSError) else OSError(str(error))) from error
    reader = Reader()
    try:
        for found in scan(roots):
            if found is None:
                yield None
            elif isinstance(found, Skipped):
                yield LeftOut(found.path.name, found.error())
            else:
                try:
                    yield from _read_file(found, spec, reader)
                except KnownError as error:
                    yield LeftOut(found.name, error)
    finally:
        reader.close()


def _read_file(path: Path, spec: DataSpec, reader: Reader) -> Iterator[Source | LeftOut | None]:
    suffix = path.suffix.lower()
    if suffix in (".jsonl", ".ndjson"):
        yield from _read_lines(path, spec)
        return
    if suffix == ".json":
        values = _json_of(path)
        records = _records(values, spec)
        if records is not None:
            yield from _read_records(path, iter(records), spec)
            return
    if suffix in TABLES and (yield from _read_rows(path, spec)):
        return
    document = yield from reader.reading(path, None, LIMITS)
    yield Source(path.name, Example(text=document.text))


# --- JSON


def _json_of(path: Path) -> Any:
    """None where it is none: it is a text like others then."""
    decoded = decode(read_bytes(path, LIMITS))
    try:
        return json.loads(decoded[0]) if decoded else None
    except (ValueError, RecursionError):
        return None


def _records(values: Any, spec: DataSpec) -> Sequence[Any] | None:
    """The objects of a file that hold examples; None: it holds other things."""
    if isinstance(values, dict):
        inner = next((values[name] for name in ("conversations", "data", "examples") if name in values), None)
        turns = isinstance(inner, list) and inner and isinstance(inner[0], dict) and "from" in inner[0]
        values = [values] if turns or "messages" in values else inner
    if not isinstance(values, list) or not any(isinstance(value, dict) for value in values[:100]):
        return None
    rows = [value for value in values[:100] if isinstance(value, dict)]
    known = (_example(value, one) for one in (DataSpec(()), spec) for value in rows)
    return values if any(one is not None for one in known) else None


def _read_lines(path: Path, spec: DataSpec) -> Iterator[Source | LeftOut | None]:
    try:
        with open_regular(path) as file:
            encoding = find_encoding(file.read(1 << 20), complete=False)
            file.seek(0)
            if encoding is None:
                raise KnownError("document-kind", name=path.name)
            if encoding.startswith("utf-16"):  # whose line ends are no single bytes
                text = read_bytes(path, LIMITS).decode(encoding, "replace")
                yield from _read_records(path, map(_value, text.splitlines()), spec)
            else:
                lines = iter(lambda: file.readline(_LINE), b"")
                yield from _read_records(
                    path, (_value(one.decode(encoding, "replace")) for one in lines), spec
                )
    except OSError as error:
        raise file_error(path, error) from error


def _value(line: str) -> Any:
    """One line's object; None for an empty one, a text for what is no JSON."""
    line = line.strip().removeprefix("\ufeff")
    try:
        return json.loads(line) if line else None
    except (ValueError, RecursionError):
        return line


def _read_records(path: Path, records: Iterator[Any], spec: DataSpec) -> Iterator[Source | LeftOut | None]:
    used = unused = 0
    fields: dict[str, None] = {}
    for record in records:
        if record is None:
            continue
        examples = list(_examples(record, spec))
        used += len(examples)
        unused += not examples
        if not examples and isinstance(record, dict) and len(fields) < 20:
            fields |= dict.fromkeys(str(name)[:40] for name in record)
        label = _text(record.get(spec.label_column)) if spec.label_column and isinstance(record, dict) else ""
        for example in examples:
            yield Source(path.name, example, label)
        yield None
    if not used:
        raise KnownError("lab-data-fields", name=path.name, fields=", ".join(list(fields)[:20]) or "–")
    if unused:
        yield LeftOut(path.name, KnownError("lab-data-lines", name=path.name, count=f"{unused:,}"), unused)


def _examples(record: Any, spec: DataSpec) -> Iterator[Example]:
    """Of one object; an exported conversation has several messages in a tree, of which the branch that was
    shown counts."""
    if isinstance(record, dict):
        example = _example(record, spec)
        if example is not None:
            yield example


def _example(record: Mapping[str, Any], spec: DataSpec) -> Example | None:
    if spec.question_column:
        text, asked = (
            _text(record.get(spec.text_column or "context")),
            _text(record.get(spec.question_column)),
        )
        answer = _first_answer(record.get(spec.answer_column))
        return question_about(text, asked, answer) if text.strip() and asked.strip() else None
    if spec.text_column:
        text = _text(record.get(spec.text_column))
        if spec.answer_column:
            answer = _text(record.get(spec.answer_column))
            return pair(text, answer) if text and answer else None
        return Example(text=text) if text else None
    for name in ("messages", "conversations", "conversation", "turns"):
        if isinstance(record.get(name), list):
            turns = _branch(record) if name == "messages" else _turns(record[name])
            return Example(turns) if any(role == "assistant" for role, _ in turns) else None
    for question, answer, more in _PAIRS:
        asked, said = _text(record.get(question)), _text(record.get(answer))
        if asked and said:
            behind = _text(record.get(more)) if more else ""
            return pair(f"{asked}\n\n{behind}" if behind else asked, said, _text(record.get("system")))
    text = next((text for name in _TEXTS if (text := _text(record.get(name)))), "")
    return Example(text=text) if text else None


def _first_answer(value: Any) -> str:
    """Also of a list of answers, and of SQuAD's {"text": […], "answer_start": […]}."""
    if isinstance(value, Mapping):
        value = value.get("text")
    if isinstance(value, list) and value and not isinstance(value[0], dict):
        value = value[0]
    return _text(value).strip()


def _branch(record: Mapping[str, Any]) -> tuple[Turn, ...]:
    """The messages; of a conversation that was exported here those that were shown in the end."""
    messages = record["messages"]
    if "active_child" not in record:
        return _turns(messages)
    shown, at, seen = list[Any](), record.get("active_child"), set[int]()
    while isinstance(at, int) and 0 <= at < len(messages) and at not in seen:
        seen.add(at)
        if not isinstance(messages[at], dict):
            break
        shown.append(messages[at])
        at = messages[at].get("active_child")
    system = _text(record.get("system_prompt"))
    return ((("system", system),) if system else ()) + _turns(shown)


def _turns(messages: Sequence[Any]) -> tuple[Turn, ...]:
    turns = list[Turn]()
    for message in messages:
        if not isinstance(message, dict):
            continue
        role = _ROLES.get(str(message.get("role") or message.get("from") or "").lower())
        text = next((text for name in ("content", "value", "text") if (text := _text(message.get(name)))), "")
        if role == "assistant":
            text = without_thinking(text).strip()
        if role and text:
            turns.append((role, text))
    return tuple(turns)


def _text(value: Any) -> str:
    """A field's text: a string, a number, or OpenAI's list of parts."""
    if isinstance(value, list):
        value = "\n".join(
            part["text"] for part in value if isinstance(part, dict) and isinstance(part.get("text"), str)
        )
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value)
    return value if isinstance(value, str) else ""


# --- tables


def _read_rows(path: Path, spec: DataSpec) -> Generator[Source | LeftOut | None, None, bool]:
    """The generator returns False where no column says that it holds what to learn: a table is read as a
    document then. Raises KnownError, table-no-column among others."""
    table = read_table(path, limits=Limits(file_bytes=LIMITS.file_bytes))
    if spec.question_column:
        yield from _read_questions(path, table, spec)
        return True
    text, answer, label, more = spec.text_column, spec.answer_column, spec.label_column, ""
    if not text:
        names = {name.strip().casefold(): name for name in table.columns}
        known = next((found for found in _PAIRS if found[0] in names and found[1] in names), None)
        if known is not None:
            text, answer, more = names[known[0]], names[known[1]], names.get(known[2], "")
        else:
            text = next((names[name] for name in _TEXTS if name in names), "")
            if not text and len(table.columns) == 1:
                text = table.columns[0]
    if not text:
        return False
    at = table.column(text)
    places = [table.column(name) if name else -1 for name in (answer, label, more)]
    used = empty = 0
    for row in table.steps():
        if row is None:
            yield None
            continue
        said, given, behind = (row[place].strip() if place >= 0 else "" for place in places)
        asked = row[at].strip()
        if not asked or (answer and not said) or (label and not given):
            empty += any(row)
            continue
        used += 1
        example = pair(f"{asked}\n\n{behind}" if behind else asked, said) if answer else Example(text=asked)
        yield Source(path.name, example, given)
        yield None
    if not used:
        raise _no_row(path, empty, [name for name in (text, answer, label) if name])
    if empty:
        yield LeftOut(path.name, KnownError("lab-data-lines", name=path.name, count=f"{empty:,}"), empty)
    return True


def _read_questions(path: Path, table: Table, spec: DataSpec) -> Iterator[Source | LeftOut | None]:
    """A question about a text in each row; without an answer there is none in the text. An empty cell of the
    texts means the text above."""
    places = [table.column(name) for name in (spec.text_column, spec.question_column, spec.answer_column)]
    used = empty = 0
    above = ""
    for row in table.steps():
        if row is None:
            yield None
            continue
        text, asked, answer = (row[place].strip() for place in places)
        above = text or above
        if not above or not asked:
            empty += any(row)
            continue
        used += 1
        yield Source(path.name, question_about(above, asked, answer))
        yield None
    if not used:
        raise _no_row(path, empty, [spec.text_column, spec.question_column])
    if empty:
        yield LeftOut(path.name, KnownError("lab-data-lines", name=path.name, count=f"{empty:,}"), empty)


def _no_row(path: Path, partly: int, columns: Sequence[str]) -> KnownError:
    """``partly``: rows that have something, though not in all of ``columns``."""
    if not partly:
        return KnownError("document-empty", name=path.name)
    return KnownError("lab-data-cells", name=path.name, columns=", ".join(name[:60] for name in columns))
