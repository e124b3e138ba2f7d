"""``autogpt-desktop translate``: a line in, a line out; a file becomes another one beside it."""

from __future__ import annotations

import argparse
import json
import os
import queue
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autogpt_desktop.cli.output import Interrupt, Reporter, drive, say, tell, terminal_line
from autogpt_desktop.cli.translation_ways import Ways
from autogpt_desktop.documents.text.chinese import common_tag, without_script
from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Result
from autogpt_desktop.i18n import tr
from autogpt_desktop.settings import DEVICES, Settings

if TYPE_CHECKING:
    from autogpt_desktop.engine.model_pool import Models
    from autogpt_desktop.tasks.translate.files import TranslatedFile

_TOGETHER = 32  # lines that are translated together where they come quickly
_LARGEST = 16 << 20  # bytes of a glossary


def add_parser(commands: Any) -> None:
    """The command's options."""
    command = commands.add_parser("translate", help=tr("translate lines of text, or files"))
    command.add_argument(
        "files", nargs="*", type=Path, metavar=tr("FILE"), help=tr("otherwise standard input")
    )
    command.add_argument(
        "--from", dest="source", default="auto", help=tr("a language such as en, or auto, which detects it")
    )
    command.add_argument("--to", dest="target", default="", help=tr("a language such as fr"))
    command.add_argument(
        "--popup",
        action="store_true",
        help=tr("open a small window with the translation of what is selected, or was copied"),
    )
    command.add_argument("--glossary", type=Path, metavar="CSV", help=tr("terms and their translations"))
    command.add_argument(
        "--quality",
        choices=("quick", "best"),
        default="best",
        help=tr("“best” compares several translations of each sentence"),
    )
    command.add_argument(
        "--anyway", action="store_true", help=tr("also for languages that the model does not know")
    )
    command.add_argument(
        "--comments", action="store_true", help=tr("translate comments and speaker's notes too")
    )
    command.add_argument(
        "--bilingual",
        choices=("under", "beside"),
        default="",
        help=tr("keep the original, with its translation under or beside it"),
    )
    command.add_argument("--json", action="store_true", help=tr("a line of JSON for each text"))
    command.add_argument(
        "--out",
        type=Path,
        metavar=tr("FILE"),
        help=tr("where the translated file goes; a folder for several"),
    )
    command.add_argument("--model", default="", help=tr("a model's name, or a file or folder"))
    command.add_argument("--device", choices=DEVICES, default=None)
    command.set_defaults(refuse=command.error)


def run(options: argparse.Namespace, settings: Settings) -> int:
    """Run the command. Raises KnownError."""
    options.source, options.target = common_tag(options.source), common_tag(options.target)
    if options.popup:
        return _popup(options)
    if not options.target:
        options.refuse(tr("the language to translate into is missing: --to"))
    from autogpt_desktop.engine.interface import Cancelled
    from autogpt_desktop.runtime import open_models
    from autogpt_desktop.tasks.translate.files import check_file

    if options.out and not options.files:
        raise KnownError("translate-out-without-file")
    if options.bilingual and not options.files:
        options.refuse(tr("--bilingual needs a file"))
    for path in options.files:  # rather now than behind the files before it
        check_file(path, options.bilingual)
    glossary = _glossary(options.glossary)
    stop = Interrupt()
    models = open_models(settings, {"translate": options.model}, options.device)
    ways = Ways(options, settings)
    known = ways.known
    if not options.anyway:
        _check(options, known)
    complete = True
    try:
        with models.job() as job, stop:
            try:
                if options.files:
                    complete = _translate_files(job, options, glossary, ways, stop)
                else:
                    for lines in _stdin():
                        _print_lines(job, lines, options, glossary, ways, stop)
            except Cancelled:
                return 130
            return 130 if stop.pressed else 0 if complete else 1
    finally:
        models.unload()


def _popup(options: argparse.Namespace) -> int:
    """The small window, of the app that runs already, or alone."""
    from autogpt_desktop.display import has_display

    if not has_display():
        raise KnownError("no-display")
    from autogpt_desktop import app
    from autogpt_desktop.language_names import name_of_language

    source = "" if options.source == "auto" and not options.target else options.source
    for code, all_right in ((source, ("", "auto")), (options.target, ("",))):
        if code not in all_right and not name_of_language(code):
            raise KnownError("language-not-named", language=code)
    return app.main((source, options.target))


def _check(options: argparse.Namespace, known: Sequence[str]) -> None:
    """Raises KnownError("language-unknown") for a language that the model says it does not know."""
    from autogpt_desktop.tasks.prompts import LANGUAGES
    from autogpt_desktop.tasks.translate.translate import name_of, offered, states

    codes = {*offered(known), *known}
    for code in (options.source, options.target):
        if states(known) and without_script(code) in LANGUAGES and code not in codes:
            raise KnownError("language-unknown", language=name_of(code), languages=", ".join(sorted(codes)))


def _glossary(path: Path | None) -> Any:
    from autogpt_desktop.documents.text.glossary import Glossary
    from autogpt_desktop.regular_file import open_regular

    if path is None:
        return Glossary()
    try:
        with open_regular(path) as file:
            text = file.read(_LARGEST).decode("utf-8-sig")
    except OSError as error:
        raise KnownError("glossary-unreadable", name=path.name, reason=error.strerror) from error
    except UnicodeDecodeError as error:
        raise KnownError("glossary-not-utf8", name=path.name) from error
    return Glossary.from_csv(text)


def _translate_files(
    models: Models, options: argparse.Namespace, glossary: Any, ways: Ways, stop: Any
) -> bool:
    """Each file becomes another one, which keeps its form; each result's path goes to standard output.

    False where nothing was translated in one of them.
    """
    from autogpt_desktop.tasks.translate.files import translate_file

    if options.out and len(options.files) > 1 and not os.path.isdir(options.out):
        raise KnownError("translate-out-not-a-folder", name=options.out.name)
    complete = True
    for path in options.files:
        events = translate_file(
            models, path, options.out, options.source, options.target,
            glossary=glossary, quality=options.quality, known=ways.known, comments=options.comments,
            bilingual=options.bilingual,
            choose=ways.choose, cancelled=stop,
        )  # fmt: skip
        for event in drive(events, Reporter()):
            if isinstance(event, Result):
                complete = bool(event.value.changed) and complete
                _report(event.value, options.json)
    return complete


def _report(done: TranslatedFile, as_lines: bool) -> None:
    if as_lines:
        for text, translation in zip(done.texts, done.translations, strict=True):
            if translation.sentences:
                say(as_json(text, translation))
    else:
        say(str(done.out))
    if not done.changed:
        tell(unchanged_text(done))
    elif done.flagged:
        flags = ", ".join(f"{flag} {count}" for flag, count in done.flags.most_common())
        name = terminal_line(done.path.name)
        tell(tr("{name}: look at these again: {flags}", name=name, flags=flags))


def unchanged_text(done: TranslatedFile) -> str:
    """Why a file says the same as before."""
    from autogpt_desktop.tasks.translate.translate import name_of

    name = terminal_line(done.path.name)
    if not done.has_words:
        return tr("{name}: nothing was translated: there are no words in it.", name=name)
    target = done.translations[0].target
    if done.source == target:
        return tr(
            "{name}: nothing was translated: it is in {language} already.",
            name=name,
            language=name_of(target),
        )
    return tr("{name}: nothing was translated: each sentence came back as it was.", name=name)


def _print_lines(
    models: Models,
    lines: Sequence[str],
    options: argparse.Namespace,
    glossary: Any,
    ways: Ways,
    stop: Any,
) -> None:
    """Translate some lines, and print each as soon as it is complete."""
    from autogpt_desktop.tasks.translate.translate import Translation, translate_many

    events = translate_many(
        models, lines, options.source, options.target,
        glossary=glossary, quality=options.quality, known=ways.known, choose=ways.choose, cancelled=stop,
    )  # fmt: skip
    for event in drive(events, Reporter()):
        if isinstance(event, Translation):
            say(as_json(lines[event.part], event) if options.json else event.text)


def as_json(source: str, translation: Any) -> str:
    """{source, target, from, to, confidence, flags} in one line."""
    return json.dumps(
        {
            "source": source,
            "target": translation.text,
            "from": translation.source,
            "to": translation.target,
            "confidence": round(translation.confidence, 4),
            "flags": list(translation.flags),
        },
        ensure_ascii=False,
    )


def _stdin() -> Iterator[list[str]]:
    """Lines of standard input, those that have come by now together."""
    from autogpt_desktop.documents.read.lines import lines_of_stdin

    lines: queue.Queue[str | KnownError | None] = queue.Queue(maxsize=4 * _TOGETHER)

    def read() -> None:
        try:
            for line in lines_of_stdin():
                lines.put(line)
        except KnownError as error:
            lines.put(error)
        lines.put(None)

    threading.Thread(target=read, daemon=True).start()  # it may wait for a user forever
    while True:
        first = lines.get()
        found = [first]
        while len(found) < _TOGETHER and isinstance(found[-1], str):
            try:  # a pipe hands over its lines within a moment
                found.append(lines.get(timeout=0.02))
            except queue.Empty:
                break
        if given := [line for line in found if isinstance(line, str)]:
            yield given
        if isinstance(found[-1], KnownError):
            raise found[-1]
        if found[-1] is None:
            return
