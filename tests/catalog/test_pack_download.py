"""Fetching translation packs over real HTTP from a server on this machine."""

from __future__ import annotations

import gzip
import json
import random
from dataclasses import replace
from pathlib import Path

import pytest

from autogpt_desktop.catalog import download
from autogpt_desktop.catalog.download import fetch
from autogpt_desktop.catalog.entries import CatalogModel, Edition, FileEntry, Source, partial
from autogpt_desktop.catalog.pack_entries import packed_file
from autogpt_desktop.errors import KnownError
from autogpt_desktop.i18n import message
from tests.catalog.pack_site import contents, serve_pack, sha256
from tests.catalog.server import Site

pytestmark = pytest.mark.slow  # together they take seconds

NAME = "firefox-en-pt"
MODEL, VOCAB, LEX = "model.enpt.intgemm.alphas.bin", "vocab.enpt.spm", "lex.50.50.enpt.s2t.bin"


def run(pack: CatalogModel, folder: Path) -> list[str]:
    return [step.stage for step in fetch(pack, folder)]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name != ".lock")


def test_a_pack_is_fetched_unpacked_and_written_down(site: Site, tmp_path: Path) -> None:
    pack = serve_pack(site, "en", "pt")
    steps = list(fetch(pack, tmp_path))
    place = tmp_path / NAME
    assert {name: (place / name).read_bytes() for name in contents("enpt")} == contents("enpt")
    assert names(place) == sorted([LEX, MODEL, VOCAB, "pack.json"])
    assert {step.stage for step in steps} == {"stage.downloading", "stage.checking", "stage.unpacking"}
    assert {step.total for step in steps} == {pack.download_size}
    assert max(step.done for step in steps) == pack.download_size
    receipt = json.loads((place / "pack.json").read_text())
    assert (receipt["pair"], receipt["done"], receipt["licence"]) == (["en", "pt"], True, "MPL-2.0")
    assert receipt["files"][VOCAB]["sha256"] == sha256(contents("enpt")[VOCAB])


def test_a_second_fetch_asks_nobody_and_mends_what_is_damaged(site: Site, tmp_path: Path) -> None:
    pack = serve_pack(site, "en", "pt")
    run(pack, tmp_path)
    asked = len(site.requests)
    run(pack, tmp_path)
    assert len(site.requests) == asked
    for name in (VOCAB, MODEL):
        good = (tmp_path / NAME / name).read_bytes()
        for bad in (b"x" * len(good), good[:-1], b""):
            (tmp_path / NAME / name).write_bytes(bad)
            site.requests.clear()
            run(pack, tmp_path)
            assert [path.rpartition("/")[2] for path, _ in site.requests] == [f"{name}.gz"]
            assert (tmp_path / NAME / name).read_bytes() == good


def test_an_interrupted_fetch_goes_on_where_it_was(site: Site, tmp_path: Path) -> None:
    pack = serve_pack(site, "en", "pt")
    big = random.Random(1).randbytes(2_000_000)
    path = next(path for path in site.files if "/model." in path)
    site.files[path] = gzip.compress(big, mtime=0)
    files = tuple(
        packed_file(
            f"{site.address}/",
            path,
            (len(site.files[path]), sha256(site.files[path])),
            (len(big), sha256(big)),
        )
        if "model." in file.name
        else file
        for file in pack.files
    )
    pack = replace(pack, files=files)
    generator = fetch(pack, tmp_path)
    for step in generator:
        if step.stage == "stage.downloading" and step.done > 1_000_000:
            break
    generator.close()
    have = partial(pack, tmp_path)
    assert 900_000 < have < 2_000_000
    assert not (tmp_path / NAME / MODEL).exists()
    site.requests.clear()
    run(pack, tmp_path)
    assert site.requests[0] == (path, f"bytes={have}-")
    assert (tmp_path / NAME / MODEL).read_bytes() == big
    assert partial(pack, tmp_path) == 0


def broken(site: Site, pack: CatalogModel, kind: str, data: bytes, *, listed: bool) -> CatalogModel:
    """``pack`` with other bytes for one file; ``listed``: the list gives their size and sha256."""
    path = next(path for path in site.files if f"/{kind}." in path)
    site.files[path] = data
    if not listed:
        return pack
    files = []
    for file in pack.files:
        gz = file.gzip
        assert gz is not None
        if file.name.startswith(f"{kind}."):
            file = replace(file, gzip=replace(gz, size=len(data), sha256=sha256(data)))
        files.append(file)
    return replace(pack, files=tuple(files))


BOMB = gzip.compress(bytes(30_000_000), mtime=0)


@pytest.mark.parametrize("kind", ["model", "vocab", "lex"])
@pytest.mark.parametrize(
    ("data", "listed"),
    [
        (b"<html>not found</html>", True),
        (gzip.compress(b"something else"), False),
        (BOMB, True),
        (gzip.compress(b"cut short" * 999)[:-5], True),
        (gzip.compress(b"more behind" * 99) + b"more", True),
    ],
    ids=["not gzip", "another file", "bomb", "cut", "more"],
)
def test_a_wrong_file_is_refused_and_nothing_stays(
    site: Site, tmp_path: Path, kind: str, data: bytes, listed: bool
) -> None:
    pack = broken(site, serve_pack(site, "en", "pt"), kind, data, listed=listed)
    with pytest.raises(KnownError) as caught:
        run(pack, tmp_path)
    assert caught.value.key in ("download-checksum", "download-failed")
    assert "{" not in message(caught.value)
    assert not any(path.name.startswith(f"{kind}.") for path in (tmp_path / NAME).iterdir())
    assert all(path.stat().st_size < 2_000_000 for path in (tmp_path / NAME).iterdir())


def test_a_model_that_unpacks_to_another_one_is_refused(site: Site, tmp_path: Path) -> None:
    other = gzip.compress(contents("pten")["model.pten.intgemm.alphas.bin"], mtime=0)
    pack = broken(site, serve_pack(site, "en", "pt"), "model", other, listed=True)
    with pytest.raises(KnownError, match="download-checksum"):
        run(pack, tmp_path)


def test_too_little_room_is_said_first(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pack = serve_pack(site, "en", "pt")
    monkeypatch.setattr(download.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 1 << 20}))
    with pytest.raises(KnownError, match="download-no-room"):
        run(pack, tmp_path)
    assert not site.requests


def with_edition(site: Site, pack: CatalogModel, data: dict[str, bytes]) -> CatalogModel:
    files = []
    for name, content in data.items():
        site.files[f"old/{name}"] = content
        files.append(
            FileEntry(name, len(content), sha256(content), (Source("url", url=site.url(f"old/{name}")),))
        )
    return replace(pack, editions=(Edition(tuple(files), "older"),))


@pytest.mark.parametrize("missing", ["lex.", "model.", "vocab."])
def test_where_a_pack_cannot_be_had_another_edition_is_taken_whole(
    site: Site, tmp_path: Path, missing: str
) -> None:
    old = {name: b"old " + data for name, data in contents("enpt", 1000).items()}
    pack = with_edition(site, serve_pack(site, "en", "pt"), old)
    path = next(path for path in site.files if f"/enpt/{missing}" in path)
    data = site.files.pop(path)
    run(pack, tmp_path)
    place = tmp_path / NAME
    assert {name: (place / name).read_bytes() for name in old} == old
    assert names(place) == sorted([*old, "pack.json"])
    receipt = json.loads((place / "pack.json").read_text())
    assert (receipt["architecture"], receipt["comet"]) == ("older", 0.0)
    site.files[path] = data  # the next time the better one is there
    run(pack, tmp_path)
    assert (place / MODEL).read_bytes() == contents("enpt")[MODEL]
    assert json.loads((place / "pack.json").read_text())["architecture"] == "tiny"


def test_where_no_edition_can_be_had_it_is_said(site: Site, tmp_path: Path) -> None:
    pack = with_edition(site, serve_pack(site, "en", "pt"), contents("enpt", 1000))
    site.files.clear()
    with pytest.raises(KnownError, match="download-failed"):
        run(pack, tmp_path)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"files": 3}', '{"files": {"../x": {"size": 1}}, "done": true}']
)
def test_a_senseless_receipt_is_none(site: Site, tmp_path: Path, text: str) -> None:
    pack = serve_pack(site, "en", "pt")
    run(pack, tmp_path)
    (tmp_path / NAME / "pack.json").write_text(text)
    run(pack, tmp_path)
    assert json.loads((tmp_path / NAME / "pack.json").read_text())["done"] is True
