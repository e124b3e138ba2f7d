"""Chat in the terminal: one question, or the conversation that the window would hold."""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autogpt_desktop.cli.line_editor import Editor, open_editor
from autogpt_desktop.cli.output import Interrupt, Reporter, drive, error_text, say, tell
from autogpt_desktop.engine.config import Sampling
from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Done, Text
from autogpt_desktop.i18n import tr
from autogpt_desktop.runtime import open_models
from autogpt_desktop.settings import Settings
from autogpt_desktop.storage.conversations.store import History
from autogpt_desktop.tasks.chat import Turn, kept_name
from autogpt_desktop.tasks.chat import chat as answer
from autogpt_desktop.thinking import AnswerStream

if TYPE_CHECKING:
    from autogpt_desktop.engine.model_pool import ModelPool

_SAVE_EVERY = 32  # characters: a crash loses less than a second
_MOST = 64 << 20  # bytes of standard input: more than any context takes, which is then said
_END = ("/quit", "/exit")


def chat(options: argparse.Namespace, settings: Settings) -> int:
    """``autogpt-desktop chat``. Only the answer goes to standard output."""
    models = open_models(settings, {"chat": options.model}, options.device, options.quantize)
    try:
        typed = sys.stdin is not None and sys.stdin.isatty()  # None: closed by whoever started us
        if options.prompt is None and typed:
            return Conversation(models, options, settings).run()
        parts = [options.prompt, "" if typed else _piped()]
        turns = [Turn("system", options.system)] if options.system else []
        turns.append(Turn("user", "\n\n".join(part for part in parts if part)))
        stop, shown = Interrupt(), _Shown(options.thoughts)
        with stop:
            for event in drive(
                answer(models, turns, sampling(options, settings), cancelled=stop), Reporter()
            ):
                if isinstance(event, Text):
                    shown.push(event.text)
        shown.finish(stopped=stop.pressed)
        return 130 if stop.pressed else 0
    finally:
        models.unload()


def _piped() -> str:
    """What stands in standard input, whatever its encoding. Raises KnownError("input-not-text")."""
    from autogpt_desktop.documents.text.encoding import decode

    if sys.stdin is None:
        return ""
    buffer = getattr(sys.stdin, "buffer", None)
    if buffer is None:  # replaced by something that has text already
        return sys.stdin.read(_MOST).rstrip("\r\n")
    try:
        decoded = decode(buffer.read(_MOST))
    except OSError as error:  # a folder, say
        raise KnownError("input-not-text") from error
    if decoded is None:
        raise KnownError("input-not-text")
    return decoded[0].rstrip("\r\n")


def sampling(options: argparse.Namespace, settings: Settings) -> Sampling:
    """The window's first preset, with what the command line says instead; temperature 0 is plainly greedy."""
    names = ("temperature", "top_p", "top_k", "seed", "max_tokens")
    given = {name: getattr(options, name) for name in names if getattr(options, name) is not None}
    if options.stop:
        given["stop"] = tuple(text for text in options.stop if text)
    if options.no_thinking:
        given["thinking"] = False
    if options.json_schema is not None:
        given["schema"] = _schema(options.json_schema)
    if given.get("temperature") == 0:
        return Sampling(**given)
    preset = settings.presets[0]["sampling"]
    base = Sampling(**preset | {"stop": tuple(preset.get("stop", ()))})
    return dataclasses.replace(base, **given)


def _schema(name: str) -> str:
    """What stands in the file. Raises KnownError."""
    from autogpt_desktop.documents.files import file_error
    from autogpt_desktop.regular_file import read_regular_text

    try:
        return read_regular_text(Path(name).expanduser())
    except OSError as error:
        raise file_error(Path(name), error) from error
    except UnicodeDecodeError as error:
        raise KnownError("input-not-text") from error


class _Shown:
    """Says an answer without what is thought before it: of that standard error tells, on wish all."""

    def __init__(self, thoughts: bool) -> None:
        self._stream = AnswerStream()
        self._thoughts = thoughts
        self._thinks = self._said = False

    def push(self, text: str) -> None:
        piece = self._stream.push(text)
        if not self._thinks and not piece and self._stream.thinks:
            self._thinks = True
            tell(tr("Thinking …"))
        if self._thinks and self._thoughts:
            self._tell_thought(closed=bool(piece))
        self._say(piece)

    def _tell_thought(self, *, closed: bool) -> None:
        tell(self._stream.thought(), end="")
        if closed:
            self._thoughts = False
            tell("\n")

    def finish(self, *, stopped: bool) -> None:
        if self._thinks and self._thoughts:
            self._tell_thought(closed=True)
        self._say(self._stream.finish())
        say("")
        if not self._said and not stopped:
            tell(tr("The answer is empty."))

    def _say(self, piece: str) -> None:
        self._said = self._said or bool(piece.strip())
        if piece:
            say(piece, end="")


class Conversation:
    """Question and answer, kept in the same history as the window's conversations."""

    def __init__(self, models: ModelPool, options: argparse.Namespace, settings: Settings) -> None:
        self.models, self.options = models, options
        self.sampling = sampling(options, settings)
        self.history = History()
        self.turns = [Turn("system", options.system)] if options.system else []
        self.id = 0
        self.parent: int | None = None

    def run(self) -> int:
        """Until Ctrl+D or /quit."""
        tell(
            tr(
                "Ask something. Enter sends, Esc Enter or a backslash before it begins a new line; "
                "Ctrl+C stops an answer, Ctrl+D or /quit ends."
            )
        )
        try:
            with open_editor() as editor:
                self._converse(editor)
        except (EOFError, KeyboardInterrupt):
            tell("")
        finally:
            self.history.close()
        return 0

    def _converse(self, editor: Editor) -> None:
        ended = False
        while not ended:
            try:
                lines = editor.read().strip().split("\n")
            except KeyboardInterrupt:  # takes back what was typed
                tell(tr("Ctrl+D or /quit ends."))
                continue
            if ended := lines[-1].strip() in _END:
                lines.pop()  # behind a question that was typed ahead
            if question := "\n".join(lines).strip():
                try:
                    self._answer(question)
                except KnownError as error:
                    tell(error_text(error))

    def _answer(self, question: str) -> None:
        if not self.id:
            self.id = self.history.create(title=question[:60], system_prompt=self.options.system or "")
        asked = self.history.add_message(self.id, self.parent, "user", question)
        made = self.history.add_message(self.id, asked, "assistant", "", state="streaming")
        self.turns.append(Turn("user", question))
        text, reason, stop = "", "interrupted", Interrupt()
        shown = _Shown(self.options.thoughts)
        try:
            with stop:
                for event in drive(self._events(stop), Reporter()):
                    if isinstance(event, Text):
                        text += event.text
                        shown.push(event.text)
                        if len(text) % _SAVE_EVERY < len(event.text):
                            self.history.set_text(made, text)
                    elif isinstance(event, Done):
                        reason = "stopped" if event.finish_reason == "cancelled" else "complete"
            shown.finish(stopped=stop.pressed)
        finally:
            self.history.set_text(made, text, state=reason)
            self.parent = made
            self.turns.append(Turn("assistant", text))

    def _events(self, stop: Interrupt) -> Iterator[Any]:
        name = kept_name(self.id)
        return answer(self.models, self.turns, self.sampling, conversation=name, cancelled=stop)
