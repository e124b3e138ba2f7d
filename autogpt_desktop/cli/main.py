"""The command line: ``autogpt-desktop chat``, ``translate``, ``sentiment``, ``train``, ``models`` …"""

from __future__ import annotations

import _thread
import argparse
import contextlib
import errno
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from typing import Any, NoReturn

from autogpt_desktop import i18n
from autogpt_desktop._version import __version__
from autogpt_desktop.bench.speed import peers
from autogpt_desktop.cli import ask, sentiment, serve, train, translate
from autogpt_desktop.cli.models import models
from autogpt_desktop.cli.output import error_text, tell, terminal_line
from autogpt_desktop.engine.config import read_stop_text
from autogpt_desktop.errors import KnownError
from autogpt_desktop.i18n import tr
from autogpt_desktop.settings import DEVICES, Settings

# Commands of the tasks: each module has ``add_parser`` and ``run``.
TASKS = {"ask": ask, "translate": translate, "sentiment": sentiment, "train": train, "serve": serve}
# What writing to standard output can fail with, other than that its reader went away.
_NOT_WRITTEN = frozenset({errno.ENOSPC, getattr(errno, "EDQUOT", 0), errno.EFBIG, errno.EIO})


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        super().error(terminal_line(message))  # it has what was written, which may be a file's name


def parser() -> argparse.ArgumentParser:
    """The command line. Option names are those of other chat programs."""
    top = _Parser(
        prog="autogpt-desktop",
        description=tr("Language models on your own machine. Without a command the window opens."),
    )
    top.add_argument("--version", action="version", version=f"AutoGPT Desktop {__version__}")
    commands = top.add_subparsers(dest="command", metavar=tr("COMMAND"))

    chat = commands.add_parser("chat", help=tr("ask a question, or hold a conversation"))
    chat.add_argument(
        "prompt", nargs="?", help=tr("the question; standard input follows it, or is the question")
    )
    chat.add_argument("--system", default=None, help=tr("the system prompt"))
    chat.add_argument("--temperature", type=_number(0, 5), default=None, help=tr("0 is greedy"))
    chat.add_argument("--top-p", type=_number(0, 1), default=None)
    chat.add_argument("--top-k", type=_whole(0), default=None)
    chat.add_argument("--seed", type=int, default=None)
    chat.add_argument("--max-tokens", type=_whole(1), default=None)
    chat.add_argument(
        "--stop",
        action="append",
        type=read_stop_text,
        default=None,
        metavar=tr("TEXT"),
        help=tr("the answer ends where this appears, \\n is a line break; may be given several times"),
    )
    chat.add_argument(
        "--thoughts",
        action="store_true",
        help=tr("show what a reasoning model thinks before it answers, on standard error"),
    )
    chat.add_argument("--no-thinking", action="store_true", help=tr("answer at once, if the model knows how"))
    chat.add_argument(
        "--json-schema",
        default=None,
        metavar=tr("FILE"),
        help=tr("the answer is JSON that keeps to this JSON schema"),
    )
    chat.add_argument(
        "--quantize", choices=("int8", "int4", "none"), default=None, help=tr("what float weights become")
    )
    _model_options(chat)

    models = commands.add_parser("models", help=tr("list, fetch and remove models"))
    actions = models.add_subparsers(dest="action", metavar=tr("ACTION"), required=True)
    actions.add_parser("list", help=tr("what is installed and what can be had"))
    get = actions.add_parser(
        "get",
        help=tr("fetch models of the catalogue, or of the hub: OWNER/NAME[:QUANT], or its address"),
    )
    get.add_argument("names", nargs="*", metavar="NAME")
    _language_option(get, tr("fetch the translation packs of a language such as ja, both directions"))
    get.add_argument("--accept-terms", action="store_true", help=tr("accept the model's terms of use"))
    actions.add_parser("update", help=tr("ask for the newest list of translation packs"))
    add = actions.add_parser("add", help=tr("use model files or folders where they are"))
    add.add_argument("paths", nargs="+", metavar=tr("FILE"))
    verify = actions.add_parser("verify", help=tr("check models' files against their hashes again"))
    verify.add_argument("names", nargs="+", metavar="NAME")
    actions.add_parser("found", help=tr("models that other programs have here; “models add” uses them"))
    found = actions.add_parser("search", help=tr("search the hub for models"))
    found.add_argument("words", nargs="+", metavar=tr("words"))
    fit = actions.add_parser("fit", help=tr("whether models fit here, and how fast they will answer"))
    fit.add_argument("names", nargs="*", metavar="NAME", help=tr("models or files; else all"))
    remove = actions.add_parser("remove", help=tr("delete installed models"))
    remove.add_argument("names", nargs="*", metavar="NAME")
    _language_option(remove, tr("delete the translation packs of a language such as ja"))
    merge = actions.add_parser("merge", help=tr("write an adapter and its base as one model"))
    merge.add_argument("name", metavar="NAME")
    merge.add_argument("out", metavar=tr("FILE"))
    copies = actions.add_parser(
        "remove-copies", help=tr("delete the packed copies of models, which are made anew when needed")
    )
    copies.add_argument("name", nargs="?", default="", help=tr("of this model; else of all"))

    bench = commands.add_parser("bench", help=tr("measure load time, speed and memory"))
    bench.add_argument("name", nargs="?", metavar=tr("MODEL"), help=tr("a model's name, or a file or folder"))
    bench.add_argument("--prompt-tokens", type=_whole(1), default=512)
    bench.add_argument("--new-tokens", type=_whole(1), default=64)
    bench.add_argument(
        "--repeat", type=_whole(1), default=5, help=tr("repetitions, of which the median counts")
    )
    bench.add_argument(
        "--vs", action="append", default=[], choices=peers.NAMES, help=tr("beside what; may be given again")
    )
    bench.add_argument(
        "--contexts", type=_wholes, default=[], metavar="N,N", help=tr("decode behind so many tokens too")
    )
    bench.add_argument(
        "--batches", type=_wholes, default=[16], metavar="N,N", help=tr("decode so many sequences together")
    )
    bench.add_argument("--threads", type=_whole(0), default=0, help=tr("0: one for each core"))
    bench.add_argument("--window", action="store_true", help=tr("measure the window instead of the engine"))
    bench.add_argument("--json", action="store_true")
    bench.add_argument("--data", metavar="DIR", help=tr("for “bench quality”: the folder of the test sets"))
    bench.add_argument(
        "--task", action="append", default=[], help=tr("for “bench quality”: one task; may be given again")
    )
    bench.add_argument(
        "--limit",
        type=_whole(0),
        default=0,
        help=tr("so many items, or lines of each answer in the window; 0: all of them"),
    )
    bench.add_argument("--seed", type=int, default=0)
    bench.add_argument(
        "--minutes", type=float, default=0.0, help=tr("for “bench train”: 0: as the figure asks")
    )
    bench.add_argument(
        "--lora", action="store_true", help=tr("for “bench train”: a new format by an adapter")
    )
    bench.add_argument("--head", action="store_true", help=tr("for “bench train”: labels of one's own"))
    bench.add_argument("--speed", action="store_true", help=tr("for “bench train”: tokens a second"))
    bench.add_argument("--new", action="store_true", help=tr("for “bench train”: a model from nothing"))
    bench.add_argument(
        "--shapes", action="store_true", help=tr("for “bench train”: searched against usual shape")
    )
    bench.add_argument("--optimizers", action="store_true", help=tr("for “bench train”: Muon against AdamW"))
    bench.add_argument("--fit", action="store_true", help=tr("fit the calibration instead of measuring"))
    _model_options(bench)

    for task in TASKS.values():
        task.add_parser(commands)
    return top


def _language_option(command: argparse.ArgumentParser, text: str) -> None:
    command.add_argument("--language", action="append", default=[], metavar=tr("LANGUAGE"), help=text)


def _model_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("--model", default="autogpt", help=tr("a model's name, or a file or folder"))
    command.add_argument("--device", choices=DEVICES, default=None)


def _number(low: float, high: float) -> Any:
    def number(text: str) -> float:
        value = float(text)
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(tr("must be between {low} and {high}", low=low, high=high))
        return value

    return number


def _whole(low: int) -> Any:
    def number(text: str) -> int:
        value = int(text)
        if value < low:
            raise argparse.ArgumentTypeError(tr("must be at least {low}", low=low))
        return value

    return number


def _wholes(text: str) -> list[int]:
    return [_whole(1)(part) for part in text.split(",")]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status. Answers go to standard output, all else to standard error."""
    for stream in (sys.stdout, sys.stderr, sys.stdin):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="replace")
    try:
        with _interrupts_heard():
            return _run(arguments)
    except KnownError as error:
        tell(error_text(error))
        if error.key == "no-model":
            from autogpt_desktop.catalog.entries import starter

            command = f"autogpt-desktop models get {starter().name}"
            tell(tr("To download it here: {command}", command=command))
        return 1
    except BrokenPipeError:  # the reader of our output went away: nothing is left to say
        _drop_output()
        return 0
    except OSError as error:
        if error.filename is not None or error.errno not in _NOT_WRITTEN:
            raise
        _drop_output()
        reason = error.strerror or str(error)
        tell(error_text(KnownError("output-not-written", reason=reason)))
        return 1
    except KeyboardInterrupt:
        return 130


def _run(arguments: Sequence[str] | None) -> int:
    settings, problem = _settings()
    i18n.set_language(settings.language)
    options = parser().parse_args(arguments)  # ends here for --help and --version, which work anywhere
    if problem is not None:
        raise problem
    if options.command == "chat":
        from autogpt_desktop.cli.chat import chat

        return chat(options, settings)
    if options.command == "models":
        return models(options)
    if options.command in TASKS:
        return TASKS[options.command].run(options, settings)
    if options.command == "bench":
        from autogpt_desktop.bench.speed.run import bench

        return bench(options)
    parser().print_help()
    return 0


def _settings() -> tuple[Settings, KnownError | None]:
    """The user's, or the usual ones and why theirs cannot be read."""
    try:
        return Settings.load(), None
    except KnownError as error:
        return Settings(), error


@contextlib.contextmanager
def _interrupts_heard() -> Iterator[None]:
    """Ctrl+C that comes while an object is cleaned up is swallowed there: it is said once more."""
    before = sys.unraisablehook

    def heard(caught: sys.UnraisableHookArgs) -> None:
        if issubclass(caught.exc_type, KeyboardInterrupt):
            threading.Timer(0.05, _interrupt).start()  # at once would be in the clean-up still
        else:
            before(caught)

    sys.unraisablehook = heard
    try:
        yield
    finally:
        sys.unraisablehook = before


def _interrupt() -> None:
    if sys.platform == "win32":
        _thread.interrupt_main()
    else:  # also out of a call that waits
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)


def _drop_output() -> None:
    """What is still waiting to be written goes nowhere, or it would fail again when the program ends."""
    with contextlib.suppress(OSError, ValueError, AttributeError):  # no file to write to in the first place
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
