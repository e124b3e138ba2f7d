"""Chat in the terminal: one question, or the conversation that the window would hold."""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Iterator
from typing import Any

from autogpt_desktop.cli.output import Interrupt, Reporter, drive
from autogpt_desktop.engine.config import Sampling
from autogpt_desktop.engine.model_pool import ModelPool
from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Done, Text
from autogpt_desktop.i18n import message, tr
from autogpt_desktop.runtime import open_models
from autogpt_desktop.settings import Settings
from autogpt_desktop.storage.conversations.store import History
from autogpt_desktop.tasks.chat import Turn, kept_name
from autogpt_desktop.tasks.chat import chat as answer

_SAVE_EVERY = 32  # characters: a crash loses less than a second


def chat(options: argparse.Namespace, settings: Settings) -> int:
    """``autogpt-desktop chat``. Only the answer goes to standard output."""
    models = open_models(settings, {"chat": options.model}, options.device, options.quantize)
    try:
        prompt = options.prompt
        if prompt is None and sys.stdin is not None:  # None: closed by whoever started us
            if sys.stdin.isatty():
                return Conversation(models, options, settings).run()
            prompt = sys.stdin.read().rstrip("\r\n")
        turns = [Turn("system", options.system)] if options.system else []
        turns.append(Turn("user", prompt or ""))
        stop = Interrupt()
        with stop:
            for event in drive(
                answer(models, turns, sampling(options, settings), cancelled=stop), Reporter()
            ):
                if isinstance(event, Text):
                    print(event.text, end="", flush=True)
        print()
        return 130 if stop.pressed else 0
    finally:
        models.unload()


def sampling(options: argparse.Namespace, settings: Settings) -> Sampling:
    """The window's first preset, with what the command line says instead; temperature 0 is plainly greedy."""
    names = ("temperature", "top_p", "top_k", "seed", "max_tokens")
    given = {name: getattr(options, name) for name in names if getattr(options, name) is not None}
    if given.get("temperature") == 0:
        return Sampling(**given)
    preset = settings.presets[0]["sampling"]
    base = Sampling(**preset | {"stop": tuple(preset.get("stop", ()))})
    return dataclasses.replace(base, **given)


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
        """Until end of input or /quit."""
        print(
            tr("Ask something. An empty line ends the conversation; Ctrl+C stops an answer."), file=sys.stderr
        )
        try:
            while question := self._question():
                try:
                    self._answer(question)
                except KnownError as error:
                    print(message(error), file=sys.stderr)
        except (EOFError, KeyboardInterrupt):
            print(file=sys.stderr)
        finally:
            self.history.close()
        return 0

    def _question(self) -> str:
        question = input("> ").strip()
        return "" if question in ("/quit", "/exit") else question

    def _answer(self, question: str) -> None:
        if not self.id:
            self.id = self.history.create(title=question[:60], system_prompt=self.options.system or "")
        asked = self.history.add_message(self.id, self.parent, "user", question)
        made = self.history.add_message(self.id, asked, "assistant", "", state="streaming")
        self.turns.append(Turn("user", question))
        text, reason, stop = "", "interrupted", Interrupt()
        try:
            with stop:
                for event in drive(self._events(stop), Reporter()):
                    if isinstance(event, Text):
                        text += event.text
                        print(event.text, end="", flush=True)
                        if len(text) % _SAVE_EVERY < len(event.text):
                            self.history.set_text(made, text)
                    elif isinstance(event, Done):
                        reason = "stopped" if event.finish_reason == "cancelled" else "complete"
            print()
        finally:
            self.history.set_text(made, text, state=reason)
            self.parent = made
            self.turns.append(Turn("assistant", text))

    def _events(self, stop: Interrupt) -> Iterator[Any]:
        name = kept_name(self.id)
        return answer(self.models, self.turns, self.sampling, conversation=name, cancelled=stop)
