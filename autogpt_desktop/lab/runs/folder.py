"""The folders of training runs: what each is to make, its log, its checkpoints and its result.

``training/<id>/`` holds ``run.json`` (name and spec), ``log.jsonl`` (``lab.runs.log``), ``data/`` (token
ids), ``checkpoint…/`` and ``result/`` (a model's folder). A run may also lie elsewhere, where the command
line put it; ``training/elsewhere.json`` remembers those.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, Literal

from autogpt_desktop import atomic, paths
from autogpt_desktop.errors import KnownError
from autogpt_desktop.lab.runs.events import Checkpoint, DataFound, Failed, Finished, Resumed
from autogpt_desktop.lab.runs.lock import RunLock, is_locked
from autogpt_desktop.lab.runs.log import last_events
from autogpt_desktop.lab.runs.spec import RunSpec, from_values, to_values
from autogpt_desktop.one_line import one_line

State = Literal["waiting", "running", "stopped", "interrupted", "finished", "failed"]
KEPT_DAYS = 7.0  # of a deleted run, which can be put back as long
_VERSION = 1
_LONGEST = 120  # characters of a name
_RUN, _LOG, _LOCK, _STOP, _OUTPUT = "run.json", "log.jsonl", "run.lock", "stop", "output.log"
_MORE = "more.json"  # a run that was finished has more time, and has not begun with it
_ELSEWHERE = "elsewhere.json"
# What we write into a run's folder; in the result's folder, what a model's folder has.
_FILES = (_RUN, _LOG, _LOCK, _STOP, _OUTPUT, _MORE, "run.json.*" + atomic.SUFFIX)
_FOLDERS = ("data", "checkpoint*", "search", "trials", "growth", "scratch*")
_RESULT = "result"
_RESULT_FILES = (
    *("*.safetensors", "*.gguf", "*.json", "*.jsonl", "*.jinja", "README.md", "merges.txt", "vocab.txt"),
    *("*" + atomic.SUFFIX, "*.npy", "*.npz", "*.csv"),
)


@dataclass(frozen=True, slots=True)
class Run:
    """A run as its folder has it. ``state`` is that of the moment it was read."""

    folder: Path
    spec: RunSpec
    name: str
    created: float  # seconds since 1970
    state: State
    seconds: float = 0.0  # of work so far
    step: int = 0  # of the last checkpoint
    error: KnownError | None = None  # why it failed
    finished: Finished | None = None
    deleted: float = 0.0  # when; 0: not

    @property
    def id(self) -> str:
        return self.folder.name

    @property
    def log(self) -> Path:
        return self.folder / _LOG

    @property
    def output(self) -> Path:
        """What the process printed, for a report of a bug."""
        return self.folder / _OUTPUT

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def result(self) -> Path | None:
        """The folder of what it made, once that is usable."""
        place = self.folder / _RESULT
        made = ("config.json", "adapter_config.json", "head.json")
        return place if any(os.path.isfile(place / name) for name in made) else None

    @property
    def can_resume(self) -> bool:
        return self.state in ("waiting", "stopped", "interrupted", "failed")

    def lock(self) -> RunLock:
        """To be held while the run is worked on."""
        return RunLock(self.folder / _LOCK, self.name)

    def request_stop(self) -> None:
        """Ask its process to end soon with a usable model. Raises KnownError("run-not-written")."""
        try:
            handle = os.open(self.folder / _STOP, os.O_WRONLY | os.O_CREAT, 0o600)
            os.close(handle)
        except OSError as error:
            raise _not_written(self.folder, error) from error

    def clear_stop(self) -> None:
        """Before it is started again."""
        with suppress(OSError):
            (self.folder / _STOP).unlink(missing_ok=True)

    @property
    def has_more(self) -> bool:
        """Whether time was added that it has not begun with."""
        return os.path.isfile(self.folder / _MORE)

    def begin_more(self) -> None:
        """What was added counts from now on. Raises OSError."""
        (self.folder / _MORE).unlink(missing_ok=True)

    def stop_requested(self) -> bool:
        return os.path.exists(self.folder / _STOP)


def create(spec: RunSpec, folder: Path | None = None) -> Run:
    """A new run, which waits. ``folder``: where it is to lie, else in the folder of runs.

    Raises KnownError: run-not-written, run-folder-taken (there is something in it).
    """
    name = one_line(spec.name, _LONGEST) or default_name(spec)
    try:
        if folder is None:
            folder = _new_folder(name)
        else:
            folder = Path(os.path.abspath(folder))
            if os.path.exists(folder) and (not os.path.isdir(folder) or any(folder.iterdir())):
                raise KnownError("run-folder-taken", folder=str(folder))
            paths.make_private(folder)
            _remember(folder)
        run = Run(folder, replace(spec, name=name), name, time.time(), "waiting")
        _save(run)
    except OSError as error:
        raise _not_written(folder or paths.training_dir(), error) from error
    return run


def default_name(spec: RunSpec) -> str:
    """After the data: the first file's or folder's name."""
    first = Path(spec.data.paths[0]).expanduser() if spec.data.paths else Path()
    return one_line(re.sub(r"[_\s-]+", " ", first.resolve().stem), 60) or "run"


def all_runs(*, deleted: bool = False) -> list[Run]:
    """The newest first; or those that were deleted and can be put back. What is damaged is left out, and
    left alone."""
    runs = [run for folder in _folders() if (run := read(folder)) is not None]
    chosen = [run for run in runs if bool(run.deleted) == deleted]
    return sorted(chosen, key=lambda run: (-run.created, run.id))


def find(wanted: str) -> Run:
    """By a folder's path, an id or a name. Raises KnownError: run-missing, run-ambiguous."""
    runs = all_runs()
    named = [run for run in runs if run.id == wanted] or [run for run in runs if run.name == wanted]
    if len(named) > 1:
        raise KnownError("run-ambiguous", name=wanted[:200], ids=", ".join(run.id for run in named[:10]))
    if named:
        return named[0]
    folder = None
    with suppress(OSError, RuntimeError, ValueError):
        folder = Path(os.path.abspath(Path(wanted).expanduser()))
        folder = folder.parent if folder.name in (_RESULT, _RUN) else folder
    run = read(folder) if folder is not None else None
    if run is None or run.deleted:
        raise KnownError("run-missing", name=wanted[:200])
    return run


def read(folder: Path) -> Run | None:
    """The run in a folder; None where there is none, or a damaged one."""
    try:
        values = json.loads((folder / _RUN).read_text(encoding="utf-8"))
        spec, name = from_values(values["spec"]), one_line(values["name"], _LONGEST)
        created, deleted = float(values["created"]), float(values.get("deleted") or 0)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return _with_state(Run(folder, spec, name or folder.name, created, "waiting", deleted=deleted))


def again(run: Run) -> Run:
    """As it stands now. Raises KnownError("run-missing")."""
    fresh = read(run.folder)
    if fresh is None:
        raise KnownError("run-missing", name=run.name)
    return fresh


def rename(run: Run, name: str) -> Run:
    """An empty name changes nothing. Raises KnownError("run-not-written")."""
    return _change(run, name=one_line(name, _LONGEST) or run.name)


def extend(run: Run, minutes: float) -> Run:
    """More minutes of work from now on, also for a run that is finished: it goes on from its best weights.
    Where it had a number of steps, the clock counts from now on.

    Raises KnownError: run-cannot-extend (heads are learned to the end), run-is-running, run-not-written.
    """
    if run.spec.kind == "head":
        raise KnownError("run-cannot-extend", name=run.name)
    if is_locked(run.folder / _LOCK):
        raise KnownError("run-is-running", name=run.name)
    options = {name: value for name, value in run.spec.options.items() if name != "max_steps"}
    changed = _change(run, spec=replace(run.spec, minutes=run.seconds / 60 + minutes, options=options))
    try:
        atomic.write_text(run.folder / _MORE, "{}", private=True, durable=True)
    except OSError as error:
        raise _not_written(run.folder, error) from error
    return again(changed)


def delete(run: Run) -> Run:
    """Out of the lists; its files stay for some days, so that it can be put back.

    Raises KnownError: run-is-running, run-not-written.
    """
    if is_locked(run.folder / _LOCK):
        raise KnownError("run-is-running", name=run.name)
    return _change(run, deleted=time.time())


def restore(run: Run) -> Run:
    """Back from the deleted ones. Raises KnownError("run-not-written")."""
    return _change(run, deleted=0.0)


def delete_for_good(run: Run) -> None:
    """What we wrote goes, what somebody else put there stays with its folder; of a link, the link.

    Raises KnownError: run-is-running, run-not-written.
    """
    if is_locked(run.folder / _LOCK):
        raise KnownError("run-is-running", name=run.name)
    try:
        _remove_ours(run.folder)
        _forget(run.folder)
    except OSError as error:
        raise _not_written(run.folder, error) from error


def sweep(now: float | None = None) -> None:
    """Delete for good what was deleted some days ago. Never raises."""
    for run in all_runs(deleted=True):
        if run.deleted < (now or time.time()) - KEPT_DAYS * 86_400:
            with suppress(KnownError):  # the next time, then
                delete_for_good(run)


# --- files


def _save(run: Run) -> None:
    values = {
        "version": _VERSION,
        "name": run.name,
        "created": run.created,
        "deleted": run.deleted,
        "spec": to_values(run.spec),
    }
    atomic.write_text(run.folder / _RUN, json.dumps(values, indent=1), private=True, durable=True)


def _change(run: Run, **values: Any) -> Run:
    # read anew: another window may have changed the rest meanwhile
    changed: Run = replace(again(run), **values)
    try:
        _save(changed)
    except OSError as error:
        raise _not_written(run.folder, error) from error
    return changed


def _with_state(run: Run) -> Run:
    running = is_locked(run.folder / _LOCK)
    events = last_events(run.log)
    if not events:
        return replace(run, state="running" if running else "waiting")
    steps = [logged.event.step for logged in events if isinstance(logged.event, Checkpoint | Resumed)]
    run = replace(run, seconds=events[-1].seconds, step=max(steps, default=0), state="interrupted")
    last = events[-1].event
    if running:
        return replace(run, state="running")
    if isinstance(last, Finished):
        ended = last.reason != "stopped" and not run.has_more
        return replace(run, finished=last, state="finished" if ended else "stopped")
    if isinstance(last, Failed):
        return replace(run, error=KnownError(last.key, **last.values), state="failed")
    if isinstance(last, DataFound):  # it was prepared, and not begun
        return replace(run, state="waiting")
    return run


def _new_folder(name: str) -> Path:
    paths.make_private(paths.training_dir())
    words = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40].strip("-")
    while True:
        folder = paths.training_dir() / f"{words or 'run'}-{secrets.token_hex(2)}"
        with suppress(FileExistsError):
            folder.mkdir(mode=0o700)
            return folder


def _folders() -> list[Path]:
    try:
        inside = sorted(path for path in paths.training_dir().iterdir() if not path.name.startswith("."))
    except OSError:  # none yet
        inside = []
    return list(dict.fromkeys([*inside, *_elsewhere()]))


def _elsewhere() -> list[Path]:
    try:
        values = json.loads((paths.training_dir() / _ELSEWHERE).read_text(encoding="utf-8"))
        return [Path(text) for text in values["folders"] if isinstance(text, str) and "\0" not in text]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _remember(folder: Path) -> None:
    _save_elsewhere([place for place in _elsewhere() if place != folder] + [folder])


def _forget(folder: Path) -> None:
    places = _elsewhere()
    if folder in places:
        _save_elsewhere([place for place in places if place != folder])


def _save_elsewhere(folders: list[Path]) -> None:
    paths.make_private(paths.training_dir())
    text = json.dumps({"folders": [str(folder) for folder in folders]}, indent=1)
    atomic.write_text(paths.training_dir() / _ELSEWHERE, text, private=True)


def _remove_ours(folder: Path) -> None:
    """Raises OSError."""
    if os.path.islink(folder):
        folder.unlink()
        return
    entries = sorted(folder.iterdir(), key=lambda path: path.name == _RUN)  # last: half a run is still one
    for path in entries:
        is_folder = os.path.isdir(path) and not os.path.islink(path)
        if is_folder and any(fnmatch(path.name, name) for name in _FOLDERS):
            shutil.rmtree(path)
        elif is_folder and path.name == _RESULT:
            for file in path.iterdir():
                if os.path.islink(file) or (
                    os.path.isfile(file) and any(fnmatch(file.name, name) for name in _RESULT_FILES)
                ):
                    file.unlink()
            if not any(path.iterdir()):
                path.rmdir()
        elif not is_folder and any(fnmatch(path.name, name) for name in _FILES):
            path.unlink()
    if not any(folder.iterdir()):
        folder.rmdir()


def _not_written(folder: Path, error: OSError) -> KnownError:
    return KnownError("run-not-written", folder=str(folder), reason=error.strerror or str(error))
