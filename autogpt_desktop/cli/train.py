"""``autogpt-desktop train``: new models, adapted ones and heads, from the terminal.

Progress goes to standard error, the path of the result to standard output; with ``--json`` a line for each
event instead. Ctrl+C stops with a usable model.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autogpt_desktop.catalog.entries import human_size
from autogpt_desktop.cli.output import error_text, overwrite, say, tell, terminal_line
from autogpt_desktop.errors import KnownError
from autogpt_desktop.i18n import message, tr
from autogpt_desktop.settings import DEVICES, Settings

if TYPE_CHECKING:
    from autogpt_desktop.lab.runs.events import DataFound, Event, Logged
    from autogpt_desktop.lab.runs.folder import Run
    from autogpt_desktop.lab.runs.spec import Kind

_LINE_SECONDS = 15.0  # between two lines of progress where no terminal shows one that changes
_SAMPLE = 300  # characters
_SKIPPED = 10  # files that are named


def add_parser(commands: Any) -> None:
    """The command's options."""
    command = commands.add_parser("train", help=tr("train models on your own text"))
    actions = command.add_subparsers(dest="action", metavar=tr("ACTION"), required=True)
    new = actions.add_parser("new", help=tr("a language model from nothing"))
    _data(new)
    new.add_argument("--no-search", action="store_true", help=tr("take the usual shape, try no others"))
    text = tr("a chat model that proposes every fourth shape, in words")
    new.add_argument("--proposer", default="", metavar=tr("MODEL"), help=text)
    new.add_argument("--no-grow", action="store_true", help=tr("try no larger model behind"))
    adapt = actions.add_parser("adapt", help=tr("adapt an installed model to chats, pairs or texts"))
    adapt.add_argument("base", metavar=tr("MODEL"), help=tr("a model's name, or a file or folder"))
    _data(adapt)
    adapt.add_argument("--answer", default="", metavar=tr("COLUMN"), help=tr("the column of the answers"))
    head = actions.add_parser("head", help=tr("teach your own labels, or to answer from a text, by a table"))
    _data(head, minutes=2.0, kind="head")
    head.add_argument("--label", default="", metavar=tr("COLUMN"), help=tr("the column of the labels"))
    for name, text in (
        ("--context", tr("for answers out of a text: the column of the texts")),
        ("--question", tr("the column of the questions about them")),
        ("--answer", tr("the column of the answers, empty where the text has none")),
    ):
        head.add_argument(name, default="", metavar=tr("COLUMN"), help=text)
    head.add_argument("--base", default="", metavar=tr("MODEL"), help=tr("the model to build on"))
    text = tr("a model that finds texts by meaning, from pairs that belong together")
    embed = actions.add_parser("embed", help=text)
    _data(embed, minutes=5.0, kind="head")
    embed.add_argument("--answer", default="", metavar=tr("COLUMN"), help=tr("the column of the answers"))
    embed.add_argument("--base", default="", metavar=tr("MODEL"), help=tr("the model to build on"))
    resume = actions.add_parser("resume", help=tr("go on with a run that was stopped or cut"))
    resume.add_argument("run", metavar=tr("RUN"), help=tr("a run's folder, id or name"))
    text = tr("so much more time, also for a run that is finished")
    resume.add_argument("--minutes", type=_minutes, default=0.0, metavar="N", help=text)
    resume.add_argument("--json", action="store_true", help=tr("a line of JSON for each event"))
    actions.add_parser("list", help=tr("the training runs"))
    process = actions.add_parser("process")  # no help: it is not listed
    process.add_argument("what", choices=("make", "prepare"))
    process.add_argument("run")
    for name, text in (
        ("stop", tr("end a run with a usable model")),
        ("use", tr("make a run's model the one that “autogpt” means")),
        ("remove", tr("delete runs with their models")),
    ):
        other = actions.add_parser(name, help=text)
        other.add_argument("runs" if name == "remove" else "run", metavar=tr("RUN"),
                           nargs="+" if name == "remove" else None,
                           help=tr("a run's folder, id or name"))  # fmt: skip


def _data(command: argparse.ArgumentParser, minutes: float = 20.0, kind: str = "") -> None:
    command.add_argument("data", nargs="+", metavar=tr("DATA"), help=tr("files and folders"))
    command.add_argument(
        "--minutes", type=_minutes, default=minutes, metavar="N", help=tr("the time that it may take")
    )
    if kind != "head":
        text = tr("end the training behind so many steps; the time is then the most that it may take")
        command.add_argument("--steps", type=_steps, default=0, metavar="N", help=text)
    command.add_argument("--out", type=Path, default=None, metavar="DIR", help=tr("a new folder for the run"))
    command.add_argument("--name", default="", help=tr("what the run and its model are called"))
    command.add_argument("--text", default="", metavar=tr("COLUMN"), help=tr("the column of the texts"))
    command.add_argument("--held-out", type=float, default=0.05, metavar="SHARE",
                         help=tr("the share of the text that is only for checking"))  # fmt: skip
    command.add_argument("--seed", type=int, default=0)
    command.add_argument("--device", choices=DEVICES, default="auto")
    text = tr("a setting of the training, for experiments; may be given several times")
    command.add_argument("--option", action="append", default=[], metavar="NAME=VALUE", help=text)
    command.add_argument("--json", action="store_true", help=tr("a line of JSON for each event"))


def _minutes(text: str) -> float:
    value = float(text)
    if not 0 < value <= 60 * 24 * 365 or not math.isfinite(value):
        raise argparse.ArgumentTypeError(tr("must be more than 0"))
    return value


def _steps(text: str) -> int:
    value = int(text)
    if not 0 < value <= 10**9:
        raise argparse.ArgumentTypeError(tr("must be more than 0"))
    return value


def run(options: argparse.Namespace, settings: Settings) -> int:
    """Run the command. Raises KnownError."""
    from autogpt_desktop.lab.runs import folder as runs

    if options.action == "list":
        _list()
        return 0
    if options.action == "process":  # the window's, where its executable is no interpreter
        sys.argv[1:] = [options.what, options.run]
        from autogpt_desktop.lab.process import main

        main()
    if options.action == "stop":
        runs.find(options.run).request_stop()
        return 0
    if options.action == "use":
        return _use(runs.find(options.run), settings)
    if options.action == "remove":
        for one in [runs.find(name) for name in options.runs]:  # unknown names are told before any goes
            runs.delete_for_good(one)
        return 0
    if options.action == "resume":
        chosen = runs.find(options.run)
        if options.minutes:
            chosen = runs.extend(chosen, options.minutes)
        chosen.clear_stop()
        return _work(chosen, options.json)
    return _work(runs.create(_spec(options), options.out), options.json)


def _spec(options: argparse.Namespace) -> Any:
    from autogpt_desktop.catalog.installed import resolve
    from autogpt_desktop.documents.files import file_error
    from autogpt_desktop.lab.runs.spec import DataSpec, RunSpec

    for place in options.data:
        try:
            Path(place).expanduser().stat()
        except OSError as error:
            raise file_error(Path(place), error) from error
    task = {"head": "classify", "embed": "embed"}.get(options.action, "")
    question, text = getattr(options, "question", ""), options.text
    if options.action == "head" and (question or options.context):
        task, text = "answer", options.context or text
    if (task == "answer" and not (question and text and options.answer)) or (
        task == "classify" and not options.label
    ):
        raise KnownError("lab-head-columns")
    kind: Kind = "head" if options.action == "embed" else options.action
    base = getattr(options, "base", "")
    for wanted in (base, getattr(options, "proposer", "")):
        if wanted:
            resolve(wanted)  # rather now than after the data is read
    data = DataSpec(
        tuple(str(Path(place).expanduser().absolute()) for place in options.data),
        text,
        getattr(options, "label", ""),
        getattr(options, "answer", ""),
        options.held_out if kind != "head" or options.held_out != 0.05 else 0.2,
        options.seed,
        question,
    )
    return RunSpec(
        kind,
        data,
        options.minutes,
        name=options.name,
        base=base,
        task=task,
        proposer=getattr(options, "proposer", ""),
        search=not getattr(options, "no_search", False),
        grow=not getattr(options, "no_grow", False),
        device=options.device,
        seed=options.seed,
        options=dict(_option(text) for text in options.option)
        | ({"max_steps": options.steps} if getattr(options, "steps", 0) else {}),
    )


def _option(text: str) -> tuple[str, Any]:
    name, _, value = text.partition("=")
    try:
        return name.strip(), json.loads(value)
    except ValueError:
        return name.strip(), value


def _work(chosen: Run, as_json: bool) -> int:
    """Train here, in this process: Ctrl+C stops it, and a killed one can be resumed."""
    from autogpt_desktop.lab.process import Stop, lower_priority, work

    lower_priority()
    tell(tr("{name}: {folder}", name=terminal_line(chosen.name), folder=terminal_line(str(chosen.folder))))
    shown = _Shown(chosen, as_json)
    stop = Stop(chosen)
    with stop.on_signals():
        chosen = work(chosen, shown, stop=stop)
    shown.clear()
    if chosen.error is not None:
        raise chosen.error
    if chosen.result is None:
        tell(tr("Nothing could be kept yet. To go on: {command}",
                command=f"autogpt-desktop train resume {chosen.id}"))  # fmt: skip
        return 130
    if not as_json:
        say(str(chosen.result))
    if chosen.state == "stopped":
        tell(tr("Stopped with a usable model. To go on: {command}",
                command=f"autogpt-desktop train resume {chosen.id}"))  # fmt: skip
    return 0


def _use(chosen: Run, settings: Settings) -> int:
    from autogpt_desktop.catalog.installed import installed
    from autogpt_desktop.catalog.roles import can_play

    result = chosen.result
    model = next((one for one in installed() if result is not None and one.path == result.resolve()), None)
    if model is None:
        raise KnownError("run-no-result", name=chosen.name)
    if error := model.error():
        raise error
    if not can_play(model, "chat"):
        raise KnownError("run-no-chat", name=chosen.name)
    dataclasses.replace(settings, default_model=model.name).save()
    say(model.name)
    return 0


def _list() -> None:
    from autogpt_desktop.lab.runs import folder as runs

    states = {
        "waiting": tr("not begun"), "running": tr("running"), "stopped": tr("stopped"),
        "interrupted": tr("cut, can be resumed"), "finished": tr("finished"), "failed": tr("failed"),
    }  # fmt: skip
    for one in runs.all_runs():
        bits = f"{one.finished.bits_per_byte:.3f}" if one.finished and one.finished.bits_per_byte else ""
        cells = [one.id, terminal_line(one.name), states[one.state], f"{one.seconds / 60:.1f} min", bits]
        say("\t".join([*cells, terminal_line(str(one.result or one.folder))]))


def _memory(event: Any) -> str:
    forecast = human_size(event.forecast)
    if not event.peak:
        return tr("It will take about {memory} of memory", memory=forecast)
    return tr(
        "Memory: {peak} at the most, {memory} were expected", peak=human_size(event.peak), memory=forecast
    )


class _Shown:
    """What a run tells, on standard error: a line that changes on a terminal, else one now and then."""

    def __init__(self, chosen: Run, as_json: bool) -> None:
        self._run, self._json = chosen, as_json
        self._live = sys.stderr is not None and sys.stderr.isatty()
        self._width, self._next = 0, 0.0
        self._bits, self._xz = 0.0, 0.0
        self._stage = ""

    def __call__(self, logged: Logged) -> None:
        from autogpt_desktop.lab.runs import events

        if self._json:
            say(events.to_line(logged))
            return
        event: Event = logged.event
        if isinstance(event, events.Stage):
            self._say_stage(event)
        elif isinstance(event, events.DataFound):
            self._xz = event.xz_bits_per_byte
            self._say_data(event)
        elif isinstance(event, events.Memory):
            self._say(_memory(event))
        elif isinstance(event, events.Train):
            self._progress(logged, event)
        elif isinstance(event, events.Eval):
            self._bits = event.bits_per_byte or self._bits
            self._say(self._eval(event))
        elif isinstance(event, events.Trial):
            shape = ", ".join(f"{name} {value}" for name, value in event.shape.items())
            what = event.reason or f"{event.loss:.3f}"
            line = tr("trial {n}: {what} ({shape})", n=event.number, what=what, shape=shape)
            self._say(line + (" · " + tr("proposed by a model") if event.proposed_by == "model" else ""))
        elif isinstance(event, events.Sample):
            text = f"{event.prompt}{event.text}"[:_SAMPLE]
            self._say(f"  {event.label or event.step}: {' '.join(text.split())}")
        elif isinstance(event, events.Growth):
            before, after = f"{event.parameters_before:,}", f"{event.parameters_after:,}"
            self._say(tr("Grown from {before} to {after} parameters", before=before, after=after))
        elif isinstance(event, events.Compared):
            losses = ", ".join(f"{name} {loss:.4f}" for name, loss in event.losses.items())
            self._say(tr("{losses}; kept: {winner}", losses=losses, winner=event.winner))
        elif isinstance(event, events.ScalingLaw):
            numbers = {"loss": f"{event.loss:.3f}", "low": f"{event.low:.3f}", "high": f"{event.high:.3f}"}
            self._say(tr("Twice the time would come to a loss of about {loss} ({low} to {high})", **numbers))
        elif isinstance(event, events.Notice):
            self._say(message(event.key, **event.values))

    def _say_stage(self, event: Any) -> None:
        if event.key != self._stage:
            self._stage = event.key
            self._say(message(event.key))

    def _say_data(self, found: DataFound) -> None:
        self._say(
            tr("{documents} documents, {bytes} bytes, {tokens} tokens of {vocabulary}; {copies} copies out",
               documents=f"{found.documents:,}", bytes=f"{found.bytes + found.held_out_bytes:,}",
               tokens=f"{found.tokens + found.held_out_tokens:,}", vocabulary=f"{found.vocab_size:,}",
               copies=f"{found.duplicates:,}")
        )  # fmt: skip
        for name, key in list(found.skipped.items())[:_SKIPPED]:
            self._say("  " + error_text(KnownError(key, name=name)))
        if (rest := len(found.skipped) - _SKIPPED) > 0:
            self._say(tr("{n} more files and folders were left out.", n=f"{rest:,}"))

    def _eval(self, event: Any) -> str:
        parts = [tr("held out: loss {loss}", loss=f"{event.loss + 0.0:.4f}")]
        if event.bits_per_byte:
            parts.append(tr("{bits} bits per byte", bits=f"{event.bits_per_byte:.3f}"))
            if self._xz:
                parts.append(f"(xz -9: {self._xz:.3f})")
        if event.accuracy is not None:
            parts.append(tr("right: {share} %", share=f"{100 * event.accuracy:.1f}"))
        return " ".join(parts)

    def _progress(self, logged: Logged, event: Any) -> None:
        left = max(0.0, self._run.spec.minutes * 60 - logged.seconds)
        line = tr("step {step}: loss {loss}, {speed} tokens a second, {left} left",
                  step=f"{event.step:,}", loss=f"{event.loss:.3f}", speed=f"{event.tokens_per_second:,.0f}",
                  left=f"{int(left) // 60}:{int(left) % 60:02}")  # fmt: skip
        if self._bits:
            line += " · " + tr("{bits} bits per byte", bits=f"{self._bits:.3f}")
        if self._live:
            self.clear()
            tell(line, end="")
            self._width = len(line)
        elif time.monotonic() >= self._next:
            self._next = time.monotonic() + _LINE_SECONDS
            tell(line)

    def _say(self, text: str) -> None:
        self.clear()
        tell(terminal_line(text))

    def clear(self) -> None:
        """Take the line that changes away."""
        if self._width:
            overwrite(self._width)
            self._width = 0
