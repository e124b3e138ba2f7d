"""The app in this process, its clock and its script; started by ``run``.

A 5 ms timer on the GUI thread measures how long the event loop stood still, and drives the
script below: a generator that yields the condition it waits for.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import time
import traceback
from collections.abc import Callable, Generator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autogpt_desktop.bench.window.streams import say, streams

if TYPE_CHECKING:
    from autogpt_desktop.ui.chat.generation import Answer

STARTED = "AUTOGPT_DESKTOP_BENCH_STARTED"  # when the process began
PROGRESS = "progress: "  # what a line about it begins with
TICK = 0.005  # seconds
LONG_CHAT = 3000  # messages
STREAMED = 500  # tokens
_MOST_QUESTIONS = 20  # a base model may answer with next to nothing
_PATIENCE = 300  # seconds for any one step
_LAST_KEYS = 20  # of a sentence, when it is long
_JUMP = 1_000  # characters that come at once: what stood still for them is not counted

# about fifty tokens
QUESTION = (
    "I am planning a quiet week by the sea in October with my sister and her two children, who are six and "
    "nine years old. What should we pack, and what could we do together on the days when it rains all day?"
)
# twenty words
SENTENCE = (
    "The keeper of the old lighthouse opened the door when the storm had passed and looked at the quiet sea."
)
Script = Generator[Callable[[], bool], None, None]


def prepare(model: Path, device: str, pack: Path | None) -> None:
    """Make ``model`` the chosen one of this home, with answers that are long and always the same."""
    from autogpt_desktop.catalog import installed
    from autogpt_desktop.settings import Settings

    settings = Settings.load()
    settings.language, settings.device = "en", device
    settings.default_model = installed.add(model).name
    settings.presets[0]["sampling"] |= {"max_tokens": 400, "temperature": 0.8, "seed": 1}
    if pack is not None:
        pair = next(pair for pair in installed.add(pack).pairs if pair[0] == "en")
        settings.translate_pair = list(pair)
    settings.save()


class Bench:
    """The app in this process, its clock and its script; streamed answers have so many ``lines``."""

    def __init__(self, lines: int) -> None:
        from PySide6.QtCore import Qt, QTimer

        from autogpt_desktop import app
        from autogpt_desktop.ui.chat.panel import ChatPanel

        self.lines = lines
        self.figures: dict[str, Any] = {"streams": {}}
        self.app = app.make_application()
        self.context, self.window = app.make_window()
        self.window.first_painted.connect(self._on_painted)
        self.window.show()
        panel = self.window.findChild(ChatPanel)
        assert panel is not None
        self.panel = panel
        panel.generation.began.connect(self._on_began)
        panel.generation.grew.connect(self._on_grew)
        self.first_text = self.last_text = 0.0
        self.tokens, self.speed, self.answered = 0, 0.0, False
        self.stalls = Stalls()
        self.shown = 0  # characters of the answer
        self.ticked = self.painted = self.deadline = 0.0
        self.waiting: Callable[[], bool] = lambda: self.painted > 0
        self.script = self.steps()
        self.timer = QTimer()
        self.timer.setTimerType(Qt.TimerType.PreciseTimer)
        self.timer.timeout.connect(self._tick)
        self.timer.start(int(TICK * 1000))

    def _on_painted(self) -> None:
        self.painted = time.perf_counter()
        self.figures["window_painted_s"] = time.time() - float(os.environ[STARTED])

    def _on_began(self, answer: Answer) -> None:
        assert answer.job is not None
        answer.job.event.connect(self._on_event)

    def _on_grew(self, answer: Answer) -> None:
        jumped = len(answer.text) - self.shown > _JUMP and self.shown > 0
        self.shown = len(answer.text)
        self.stalls.begin_repaint(counts=not jumped)

    def _on_event(self, event: object) -> None:
        from autogpt_desktop.events import Done, Text

        if isinstance(event, Text):
            self.last_text = time.perf_counter()
            self.first_text = self.first_text or self.last_text
        elif isinstance(event, Done):
            self.answered = True
            self.tokens += event.new_tokens
            self.speed = event.tokens_per_second

    def _tick(self) -> None:
        now = time.perf_counter()
        if self.ticked:
            self.stalls.add(now - self.ticked - TICK)
        try:
            if self.waiting():
                self.waiting = next(self.script)
                self.deadline = now + _PATIENCE
            elif self.deadline and now > self.deadline:
                raise TimeoutError("a step of the benchmark did not end")
        except StopIteration:
            self.timer.stop()
            self.window.close()
        except Exception:
            traceback.print_exc()
            self.timer.stop()
            self.app.exit(1)  # the window would ask what to do about a bug
        self.ticked = time.perf_counter()

    def ask(self, text: str) -> float:
        """Type ``text`` and press Enter; when that was."""
        from PySide6.QtCore import Qt
        from PySide6.QtTest import QTest

        edit = self.panel.composer.edit
        edit.setFocus()
        QTest.keyClicks(edit, text)
        self.first_text = 0.0
        self.answered = False
        pressed = time.perf_counter()
        QTest.keyClick(edit, Qt.Key.Key_Return)
        return pressed

    def begun(self) -> bool:
        """The answer shows, or has ended without a word."""
        return self.first_text > 0 or self.answered

    def idle(self) -> bool:
        return not self.context.worker.jobs()

    def steps(self) -> Script:
        """What a user would do, one after the other."""
        tell(step="starting")
        yield lambda: self.context.model() is not None and self.idle()
        info = self.context.model()
        assert info is not None
        self.figures["model_cold_s"] = time.perf_counter() - self.painted
        self.figures["model_load_s"] = info.load_seconds
        self.figures["loading_stall_ms"] = self.stalls.take()["longest_ms"]
        tell(step="asking")
        for key, question in (("first_token_s", QUESTION), ("second_turn_s", "And what should we eat?")):
            pressed = self.ask(question)
            yield self.begun
            self.figures[key] = (self.first_text or time.perf_counter()) - pressed
            yield self.idle
        yield from self.stream()
        yield from self.stop()
        yield from self.long_blocks()
        if self.context.settings.translate_pair:
            yield from self.translate()
        yield from self.long_conversation()

    def stream(self) -> Script:
        self.tokens = 0
        stalls = Stalls()
        for _ in range(_MOST_QUESTIONS):
            if self.tokens >= STREAMED:
                break
            self.panel.new_conversation()
            self.ask("Write a long story with many chapters about a lighthouse and its keeper.")
            yield self.begun
            self.stalls = stalls
            yield self.idle
            self.stalls = Stalls()
        self.figures["window_tps"] = self.speed
        self.figures["streams"]["model"] = stalls.take()

    def stop(self) -> Script:
        from PySide6.QtCore import Qt
        from PySide6.QtTest import QTest

        self.panel.new_conversation()
        self.ask("Write a very long story about the sea.")
        yield self.begun
        since = time.perf_counter()
        yield lambda: time.perf_counter() - since > 0.5
        pressed = time.perf_counter()
        QTest.keyClick(self.panel.composer.edit, Qt.Key.Key_Escape)
        yield self.idle
        self.figures["stop_ms"] = (time.perf_counter() - pressed) * 1000

    def long_blocks(self) -> Script:
        """Answers that are one long block, said by a script at a steady rate."""
        generation = self.panel.generation
        model = generation.generate
        for name, stream in streams().items():
            generation.generate = partial(say, stream.text(self.lines))
            self.panel.new_conversation()
            self.ask("Write something very long.")
            yield self.begun
            if name == "thought":
                self.panel.view.widgets[self.panel.conversation.messages[-1].id].thought.button.click()
            self.stalls.take()
            yield self.idle
            stalls = self.figures["streams"][name] = self.stalls.take()
            tell(stream=name, **stalls)
        generation.generate = model

    def translate(self) -> Script:
        """A sentence typed into Translate, each key when the translation of the one before is shown."""
        from PySide6.QtTest import QTest

        from autogpt_desktop.ui.translate.panel import TranslatePanel

        tell(step="translating")
        self.window.columns.show_panel("translate")
        panel = self.window.findChild(TranslatePanel)
        assert panel is not None
        edit = panel.view.pair.source
        yield self.idle
        edit.setFocus()
        QTest.keyClicks(edit, SENTENCE[:-_LAST_KEYS])  # loads the pack, if nothing else has
        yield lambda: panel.live.complete and self.idle()
        took: list[float] = []
        shown = [0.0]

        def draw(complete: bool) -> None:
            panel.view.pair.target.viewport().repaint()  # as the event loop is about to do
            shown[0] = time.perf_counter() if complete else 0.0

        panel.live.finished.connect(draw)
        for character in SENTENCE[-_LAST_KEYS:]:
            shown[0], pressed = 0.0, time.perf_counter()
            QTest.keyClicks(edit, character)
            yield lambda: shown[0] > 0
            took.append((shown[0] - pressed) * 1000)
        panel.live.finished.disconnect(draw)
        self.figures["translate_key_ms"] = statistics.median(took)
        self.figures["translate_key_longest_ms"] = max(took)

    def long_conversation(self) -> Script:
        history, parent = self.context.history, None
        conversation = history.create(title="A long one")
        for number in range(LONG_CHAT):
            role = "assistant" if number % 2 else "user"
            text = f"Message {number}.\n\n" + "Some *words* about the weather and a `name`. " * (
                1 + number % 7
            )
            parent = history.add_message(conversation, parent, role, text)
        yield lambda: True
        self.stalls.take()
        began = time.perf_counter()
        self.panel.open_conversation(conversation)
        self.app.processEvents()
        self.panel.view.viewport().repaint()
        self.figures["open_3000_s"] = time.perf_counter() - began
        steps = []
        bar = self.panel.view.verticalScrollBar()
        for _ in range(200):
            began = time.perf_counter()
            bar.setValue(bar.value() - 300)
            self.panel.view.viewport().repaint()
            self.app.processEvents()
            steps.append((time.perf_counter() - began) * 1000)
        self.figures["scroll_p99_ms"] = percentile(steps, 0.99)


class Stalls:
    """How long the event loop stood still: of each repaint the longest time."""

    def __init__(self) -> None:
        self._repaints, self._longest = [0.0], 0.0
        self._counts = True

    def begin_repaint(self, *, counts: bool) -> None:
        """What stands still from here on is this repaint's."""
        self._repaints.append(0.0)
        self._counts = counts

    def add(self, seconds: float) -> None:
        """A gap between two ticks."""
        if self._counts:
            self._repaints[-1] = max(self._repaints[-1], seconds * 1000)
            self._longest = max(self._longest, seconds * 1000)

    def take(self) -> dict[str, float]:
        """Milliseconds since the last call."""
        repaints, longest = self._repaints[1:] or self._repaints, self._longest
        self._repaints, self._longest = [0.0], 0.0
        return {
            "median_ms": statistics.median(repaints),
            "p99_ms": percentile(repaints, 0.99),
            "longest_ms": longest,
        }


def percentile(values: list[float], share: float) -> float:
    """The value below which ``share`` of the values lie."""
    if len(values) < 2:
        return values[0]
    return statistics.quantiles(values, n=1000, method="inclusive")[round(share * 1000) - 1]


def tell(**values: object) -> None:
    """How far it is; ``run`` words it in the language of who waits."""
    print(f"{PROGRESS}{json.dumps(values)}", file=sys.stderr, flush=True)


def main() -> int:
    """The processes that ``run`` starts; the measured one prints its figures as JSON."""
    if sys.argv[1] == "prepare":
        model, device, pack = sys.argv[2:5]
        prepare(Path(model), device, Path(pack) if pack else None)
        return 0
    bench = Bench(int(sys.argv[2]))
    bench.app.exec()
    bench.context.worker.stop(15_000)
    bench.window.downloads.stop(15_000)
    bench.context.history.close()
    complete = "scroll_p99_ms" in bench.figures
    if complete:
        print(json.dumps(bench.figures))
    return 0 if complete else 1


if __name__ == "__main__":
    sys.exit(main())
