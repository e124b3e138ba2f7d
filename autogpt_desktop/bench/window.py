"""``autogpt-desktop bench --window``: the real window, typed into by key events, in a home of its own.

The parent starts this file as a process, so that the time to the first paint counts from the very
start. A 5 ms timer on the GUI thread measures how long the event loop stood still, and drives the
script below: a generator that yields the condition it waits for.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from autogpt_desktop.bench.child import module_command
from autogpt_desktop.events import Done, Event, Text
from autogpt_desktop.i18n import tr

if TYPE_CHECKING:
    from autogpt_desktop.ui.chat.generation import Answer

TICK = 0.005  # seconds
LONG_CHAT = 3000  # messages
STREAMED = 500  # tokens
RATE = 200  # scripted tokens a second: as quick as small models become
_STARTED = "AUTOGPT_DESKTOP_BENCH_STARTED"
_MOST_QUESTIONS = 20  # a base model may answer with next to nothing
_PATIENCE = 300  # seconds for any one step

# about fifty tokens
QUESTION = (
    "I am planning a quiet week by the sea in October with my sister and her two children, who are six and "
    "nine years old. What should we pack, and what could we do together on the days when it rains all day?"
)
Script = Generator[Callable[[], bool], None, None]


def run(model: Path, device: str) -> dict[str, float]:
    """Start the app with ``model`` and measure it. Raises RuntimeError with what the app printed last."""
    with tempfile.TemporaryDirectory() as home:
        environment = os.environ | {"AUTOGPT_DESKTOP_HOME": home}
        _python(environment, "prepare", str(model), device)
        output = _python(environment | {_STARTED: repr(time.time())}, "measure")
    figures: dict[str, float] = json.loads(output.splitlines()[-1])
    return figures


def _python(environment: dict[str, str], *arguments: str) -> str:
    command = [*module_command("autogpt_desktop.bench.window"), *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    return done.stdout


def prepare(model: Path, device: str) -> None:
    """Make ``model`` the chosen one of this home, with answers that are long and always the same."""
    from autogpt_desktop.catalog import installed
    from autogpt_desktop.settings import Settings

    settings = Settings.load()
    settings.language, settings.device = "en", device
    settings.default_model = installed.add(model).name
    settings.presets[0]["sampling"] |= {"max_tokens": 400, "temperature": 0.8, "seed": 1}
    settings.save()


def table(figures: dict[str, float]) -> str:
    """The figures for people."""
    rows = [
        ("window_painted_s", tr("window painted, s"), 2),
        ("model_cold_s", tr("model ready after a cold start, s"), 2),
        ("model_load_s", tr("model ready, torch already imported, s"), 2),
        ("loading_stall_ms", tr("longest stall while loading, ms"), 0),
        ("first_token_s", tr("first token after Enter, s"), 2),
        ("second_turn_s", tr("first token of the second turn, s"), 2),
        ("stall_p99_ms", tr("event-loop stall while generating (p99), ms"), 0),
        ("stall_max_ms", tr("event-loop stall while generating (longest), ms"), 0),
        ("stream_code_p99_ms", tr("stall while 2,000 lines of code stream (p99), ms"), 0),
        ("stream_code_max_ms", tr("stall while 2,000 lines of code stream (longest), ms"), 0),
        ("stream_table_p99_ms", tr("stall while a table of 500 rows streams (p99), ms"), 0),
        ("stream_table_max_ms", tr("stall while a table of 500 rows streams (longest), ms"), 0),
        ("stream_list_p99_ms", tr("stall while a list of 1,000 items streams (p99), ms"), 0),
        ("stream_list_max_ms", tr("stall while a list of 1,000 items streams (longest), ms"), 0),
        ("stream_paragraph_p99_ms", tr("stall while a paragraph of 2,000 lines streams (p99), ms"), 0),
        ("stream_paragraph_max_ms", tr("stall while a paragraph of 2,000 lines streams (longest), ms"), 0),
        ("stream_nested_p99_ms", tr("stall while lists, tables and quotations nest (p99), ms"), 0),
        ("stream_nested_max_ms", tr("stall while lists, tables and quotations nest (longest), ms"), 0),
        ("stream_endless_p99_ms", tr("stall while a line without end streams (p99), ms"), 0),
        ("stream_endless_max_ms", tr("stall while a line without end streams (longest), ms"), 0),
        ("stream_thought_p99_ms", tr("stall while a thought of 2,000 lines streams (p99), ms"), 0),
        ("stream_thought_max_ms", tr("stall while a thought of 2,000 lines streams (longest), ms"), 0),
        ("window_tps", tr("tokens per second in the window"), 1),
        ("stop_ms", tr("Stop to quiet, ms"), 0),
        ("open_3000_s", tr("a conversation of 3,000 messages opens, s"), 3),
        ("scroll_p99_ms", tr("a scrolling step in it (p99), ms"), 0),
    ]
    width = max(len(label) for _, label, _ in rows)
    return "\n".join(f"{label:<{width}}  {figures[key]:>8.{digits}f}" for key, label, digits in rows)


class Bench:
    """The app in this process, its clock and its script."""

    def __init__(self) -> None:
        from PySide6.QtCore import Qt, QTimer

        from autogpt_desktop import app
        from autogpt_desktop.ui.chat.panel import ChatPanel

        self.figures: dict[str, float] = {}
        self.app = app.make_application()
        self.context, self.window = app.make_window()
        self.window.first_painted.connect(self._on_painted)
        self.window.show()
        panel = self.window.findChild(ChatPanel)
        assert panel is not None
        self.panel = panel
        panel.generation.began.connect(self._on_began)
        self.first_text = self.last_text = 0.0
        self.tokens, self.speed, self.answered = 0, 0.0, False
        self.gaps: list[float] = []
        self.ticked = self.painted = self.deadline = 0.0
        self.waiting: Callable[[], bool] = lambda: self.painted > 0
        self.script = self.steps()
        self.timer = QTimer()
        self.timer.setTimerType(Qt.TimerType.PreciseTimer)
        self.timer.timeout.connect(self._tick)
        self.timer.start(int(TICK * 1000))

    def _on_painted(self) -> None:
        self.painted = time.perf_counter()
        self.figures["window_painted_s"] = time.time() - float(os.environ[_STARTED])

    def _on_began(self, answer: Answer) -> None:
        assert answer.job is not None
        answer.job.event.connect(self._on_event)

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
            self.gaps.append(now - self.ticked - TICK)
        try:
            if self.waiting():
                self.waiting = next(self.script)
                self.deadline = now + _PATIENCE
            elif self.deadline and now > self.deadline:
                raise TimeoutError("a step of the benchmark did not end")
        except StopIteration:
            self.timer.stop()
            self.window.close()
        except BaseException:
            self.timer.stop()
            self.window.close()
            raise
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

    def stalls(self) -> list[float]:
        """Milliseconds of each gap since the last call."""
        gaps, self.gaps = [max(0.0, gap) * 1000 for gap in self.gaps], []
        return gaps or [0.0]

    def steps(self) -> Script:
        """What a user would do, one after the other."""
        self.stalls()
        yield lambda: self.context.model() is not None and self.idle()
        info = self.context.model()
        assert info is not None
        self.figures["model_cold_s"] = time.perf_counter() - self.painted
        self.figures["model_load_s"] = info.load_seconds
        self.figures["loading_stall_ms"] = max(self.stalls())

        for key, question in (("first_token_s", QUESTION), ("second_turn_s", "And what should we eat?")):
            pressed = self.ask(question)
            yield self.begun
            self.figures[key] = (self.first_text or time.perf_counter()) - pressed
            yield self.idle
        yield from self.stream()
        yield from self.stop()
        yield from self.long_blocks()
        yield from self.long_conversation()

    def stream(self) -> Script:
        gaps: list[float] = []
        self.tokens = 0
        for _ in range(_MOST_QUESTIONS):
            if self.tokens >= STREAMED:
                break
            self.panel.new_conversation()
            self.ask("Write a long story with many chapters about a lighthouse and its keeper.")
            yield self.begun
            self.stalls()
            yield self.idle
            gaps += self.stalls()
        self.figures["window_tps"] = self.speed
        self.figures["stall_p99_ms"] = percentile(gaps, 0.99)
        self.figures["stall_max_ms"] = max(gaps)

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
        for name, text in long_answers().items():
            generation.generate = partial(say, text)
            self.panel.new_conversation()
            self.ask("Write something very long.")
            yield self.begun
            if name == "thought":
                self.panel.view.widgets[self.panel.conversation.messages[-1].id].thought.button.click()
            self.stalls()
            yield self.idle
            gaps = self.stalls()
            self.figures[f"stream_{name}_p99_ms"] = percentile(gaps, 0.99)
            self.figures[f"stream_{name}_max_ms"] = max(gaps)
        generation.generate = model

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
        self.stalls()
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


def long_answers() -> dict[str, str]:
    """An answer for each kind of block that may become long."""
    part = (
        "def total_{n}(values):\n    result = 0  # so far\n    for value in values:\n"
        "        result += value\n    return result\n\n\nprint(total_{n}([1, 2, {n}]))\n"
    )
    code = "".join(part.replace("{n}", str(n)) for n in range(250))
    rows = "".join(f"| item {n} | {7 * n} | some **words** about it |\n" for n in range(500))
    return {
        "code": f"```python\n{code}```\n",
        "table": f"| name | value | remark |\n|---|--:|---|\n{rows}",
        "list": "".join(f"{n}. item **number** {n} of a long list\n" for n in range(1, 1001)),
        "paragraph": "".join(f"line **number** {n} of a paragraph\n" for n in range(2000)),
        "nested": nested_answer(),
        "endless": "".join(f"words and **{n}** more, `code` never closed too, " for n in range(600)) + "`",
        "thought": "<think>\n" + "".join(f"line {n} of what is thought\n" for n in range(2000)),
    }


def nested_answer() -> str:
    """A quotation in a list, a list in a quotation, and a table in each, of hundreds of lines."""
    quotation = "".join(f"   > line **{n}** of a quotation\n" for n in range(300))
    items = "".join(f"> - item **{n}** with `code`\n" for n in range(300))
    rows = "".join(f"> | item {n} | **{7 * n}** |\n" for n in range(200))
    return f"1. said:\n\n{quotation}\nThen:\n\n{items}>\n> | a | b |\n> |---|--:|\n{rows}"


def say(text: str, *_: object, **given: Callable[[], bool]) -> Iterator[Event]:
    """As ``tasks.chat.chat``: says ``text`` in pieces of four characters, ``RATE`` a second."""
    began = time.perf_counter()
    pieces = [text[at : at + 4] for at in range(0, len(text), 4)]
    for number, piece in enumerate(pieces):
        if given["cancelled"]():
            return
        time.sleep(max(0.0, began + number / RATE - time.perf_counter()))
        yield Text(piece)
    yield Done("stop", 1, 0, len(pieces), 0.0, RATE, len(pieces), len(pieces))


def percentile(values: list[float], share: float) -> float:
    """The value below which ``share`` of the values lie."""
    if len(values) < 2:
        return values[0]
    return statistics.quantiles(values, n=1000, method="inclusive")[round(share * 1000) - 1]


def main() -> int:
    """The processes that ``run`` starts; the measured one prints its figures as JSON."""
    if sys.argv[1] == "prepare":
        prepare(Path(sys.argv[2]), sys.argv[3])
        return 0
    bench = Bench()
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
