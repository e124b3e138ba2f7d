"""Where files live: in a source checkout, an installed wheel and a frozen app alike."""

from __future__ import annotations

import hashlib
import os
import stat
import sys
from contextlib import suppress
from pathlib import Path

import platformdirs

from autogpt_desktop.errors import KnownError

APP = "autogpt-desktop"
PACKED_VARIANTS = ("", "int4")
_PACKAGE = Path(__file__).resolve().parent


def _bundled(name: str) -> Path:
    """A top-level folder of the project: inside the package in a wheel, beside it in a checkout."""
    frozen = getattr(sys, "_MEIPASS", None)
    places = [Path(frozen) / name] if frozen else []
    places += [_PACKAGE / f"_{name}", _PACKAGE.parent / name]
    return next((place for place in places if os.path.isdir(place)), places[-1])


def import_root() -> Path:
    """The folder that has to be on ``sys.path`` for a child process to import this package."""
    return _PACKAGE.parent


def resources() -> Path:
    """Icons, style sheet, translations."""
    return _bundled("resources")


def bundled_models() -> Path:
    """The catalog file; in a checkout also weights that were fetched for the tests."""
    return _bundled("models")


def home() -> Path | None:
    """One folder for everything, when ``AUTOGPT_DESKTOP_HOME`` asks for it (tests, USB sticks)."""
    value = os.environ.get("AUTOGPT_DESKTOP_HOME")
    return Path(value) if value else None


def data_dir() -> Path:
    """Conversations and models; created on first use."""
    return _made(home() or Path(platformdirs.user_data_dir(APP, appauthor=False)))


def config_dir() -> Path:
    """The settings file."""
    base = home()
    return _made(base / "config" if base else Path(platformdirs.user_config_dir(APP, appauthor=False)))


def cache_dir() -> Path:
    """What can be made again."""
    base = home()
    return _made(base / "cache" if base else Path(platformdirs.user_cache_dir(APP, appauthor=False)))


def packed_dir() -> Path:
    """Weights as the compiled back end has them in memory; made again when they are missing."""
    return cache_dir() / "packed"


def packed_file(model: Path, folder: Path, variant: str = "") -> Path:
    """The file in ``folder`` for the packed weights of a model's file or folder; ``variant``: of those that
    are packed in several ways, one that is not the usual."""
    place = os.fsencode(model.resolve())  # a name need not be UTF-8
    end = f".{variant}.packed" if variant else ".packed"
    return folder / f"{model.name[:80]}-{hashlib.sha256(place).hexdigest()[:16]}{end}"


def packed_files(model: Path, folder: Path) -> list[Path]:
    """Those that are there."""
    every = (packed_file(model, folder, variant) for variant in PACKED_VARIANTS)
    return [file for file in every if os.path.isfile(file)]


def states_dir() -> Path:
    """What models remember of prompts they have read (``engine.generation.prompt_cache``)."""
    return cache_dir() / "states"


def training_dir() -> Path:
    """The folders of training runs (``lab.runs``)."""
    return data_dir() / "training"


def models_dir() -> Path:
    """Where fetched models are installed."""
    return _made(data_dir() / "models")


def model_dirs() -> list[Path]:
    """Every folder that installed models are looked for in, the user's own first."""
    return [models_dir(), bundled_models()]


def make_private(folder: Path) -> None:
    """A folder, and those above it that are missing, that nobody else on this computer can open.

    Raises OSError. One that exists keeps its mode, see ``keep_private``.
    """
    missing = [folder]
    while not os.path.exists(above := missing[-1].parent) and above != missing[-1]:
        missing.append(above)
    for place in reversed(missing):  # mkdir(parents=True) would give the upper ones the usual mode
        place.mkdir(mode=0o700, exist_ok=True)


# What stands in our folders with words of the user in it. Models are not among them.
_PRIVATE = (
    "history*", "drafts.db*", "translations.db*", "verdicts.db*", "sentiment-corrections*", "models.json",
    "measured.json", "hub-token",
    "questions", "glossaries", "collections", "runs", "training", "texts", "states", "settings.json*",
    "config", "cache",
)  # fmt: skip
_OURS = (*_PRIVATE, "models", "packed", "bench", "model-headers.json", "*.lock", "*.new")


def keep_private() -> None:
    """Close what older versions left open to other users of this computer. Follows no link.

    A folder that also holds other things, as one on a USB stick may, keeps its own mode. On Windows a
    profile is private already. Never raises.
    """
    if os.name != "posix":
        return
    base = home()
    places = (
        [base]
        if base
        else [
            Path(platformdirs.user_data_dir(APP, appauthor=False)),
            Path(platformdirs.user_config_dir(APP, appauthor=False)),
            Path(platformdirs.user_cache_dir(APP, appauthor=False)),
        ]
    )
    for place in places:
        with suppress(OSError):
            if os.path.islink(place) or not os.path.isdir(place):
                continue
            entries = list(place.iterdir())
            if all(any(entry.match(name) for name in _OURS) for entry in entries):
                _close(place)
            for entry in entries:
                if any(entry.match(name) for name in _PRIVATE):
                    _close_all(entry)


def _close_all(entry: Path) -> None:
    _close(entry)
    if os.path.islink(entry) or not os.path.isdir(entry):
        return
    for folder, folders, files in os.walk(entry):
        for name in (*folders, *files):
            _close(Path(folder) / name)


def _close(entry: Path) -> None:
    """Take away what others may do with a file or folder of this user."""
    with suppress(OSError):
        state = entry.lstat()
        kind = stat.S_ISREG(state.st_mode) or stat.S_ISDIR(state.st_mode)
        linked = stat.S_ISREG(state.st_mode) and state.st_nlink > 1  # it is somebody else's file too
        if kind and not linked and state.st_uid == os.getuid() and state.st_mode & 0o077:
            entry.chmod(stat.S_IMODE(state.st_mode) & ~0o077)


def _made(folder: Path) -> Path:
    try:
        make_private(folder)
    except OSError as error:
        raise KnownError("folder-not-writable", folder=str(folder)) from error
    return folder
