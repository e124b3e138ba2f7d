"""Packs that are here: recognized, listed, judged, removed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from autogpt_desktop import paths
from autogpt_desktop.catalog.download import fetch
from autogpt_desktop.catalog.installed import add, find, installed, remove, remove_language, resolve
from autogpt_desktop.catalog.pack_folder import is_pack, read_pack
from autogpt_desktop.catalog.roles import candidates
from autogpt_desktop.errors import KnownError
from autogpt_desktop.i18n import message
from tests.catalog.pack_site import contents, serve_pack
from tests.catalog.server import Site

pytestmark = pytest.mark.usefixtures("no_bundled_models")


def write_pack(folder: Path, pair: str, **other: bytes) -> Path:
    """A pack as somebody unpacks it by hand."""
    folder.mkdir(parents=True)
    for name, data in {**contents(pair, 1000), **other}.items():
        (folder / name).write_bytes(data)
    return folder


def fetched(site: Site, source: str, target: str) -> Path:
    pack = serve_pack(site, source, target, size=1000)
    for _ in fetch(pack):
        pass
    return paths.models_dir() / pack.name


@pytest.mark.slow
def test_a_fetched_pack_is_listed_with_its_languages(site: Site) -> None:
    place = fetched(site, "en", "pt")
    (model,) = installed()
    assert (model.name, model.path, model.kind, model.family) == (
        "firefox-en-pt",
        place,
        "seq2seq",
        "firefox",
    )
    assert (model.languages, model.pairs, model.problem) == (("en", "pt"), (("en", "pt"),), None)
    assert model.size == sum(map(len, contents("enpt", 1000).values()))
    assert resolve("firefox-en-pt") == place
    assert not candidates("translate", [model])  # a pack translates its pair alone
    assert installed() == [model]  # from the headers that were remembered


def test_a_pack_that_somebody_unpacked_is_known_by_its_files(tmp_path: Path) -> None:
    write_pack(paths.models_dir() / "mine", "deen")
    (model,) = installed()
    assert (model.name, model.pairs) == ("mine", (("de", "en"),))
    other = write_pack(tmp_path / "elsewhere", "enja")
    assert add(other).pairs == (("en", "ja"),)
    assert {each.name for each in installed()} == {"mine", "elsewhere"}
    remove("elsewhere")
    assert is_pack(other)


@pytest.mark.slow
def test_a_pack_that_is_still_on_its_way_is_not_listed(site: Site) -> None:
    pack = serve_pack(site, "en", "pt")
    steps = fetch(pack)
    for step in steps:
        if step.stage == "stage.unpacking":
            break
    steps.close()
    assert not installed()
    (paths.models_dir() / pack.name / "model.enpt.intgemm.alphas.bin.gz.part").touch()
    (paths.models_dir() / pack.name / "model.enpt.intgemm.alphas.bin").touch()
    assert not installed()


def problem(folder: Path) -> str:
    (model,) = [each for each in installed() if each.path == folder]
    error = model.error()
    assert error is not None
    assert "{" not in message(error)
    return error.key


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["model.enpt.intgemm.alphas.bin", "vocab.enpt.spm", "lex.50.50.enpt.s2t.bin"]
)
def test_a_fetched_pack_that_was_changed_is_damaged(site: Site, name: str) -> None:
    place = fetched(site, "en", "pt")
    data = (place / name).read_bytes()
    changed = [data[:-1], data + b"x", b""]
    if not name.startswith("model."):
        changed.append(data[:-1] + b"?")  # the same size: the small files are read
    for bad in changed:
        (place / name).write_bytes(bad)
        assert problem(place) == "model-damaged"
    (place / name).write_bytes(data)
    assert installed()[0].problem is None


def test_a_vocabulary_of_another_pair_is_told(site: Site) -> None:
    place = fetched(site, "en", "pt")
    (place / "vocab.enpt.spm").write_bytes(contents("deen")["vocab.deen.spm"])
    assert problem(place) == "model-damaged"
    mixed = write_pack(paths.models_dir() / "mixed", "enpt")
    (mixed / "vocab.enpt.spm").rename(mixed / "vocab.deen.spm")
    assert problem(mixed) == "pack-mixed-up"
    (mixed / "vocab.enpt.spm").touch()
    assert problem(mixed) == "pack-mixed-up"


@pytest.mark.parametrize(
    ("names", "key"),
    [
        (["model.enpt.intgemm.alphas.bin"], "pack-incomplete"),
        (["model.enpt.intgemm.alphas.bin", "srcvocab.enpt.spm"], "pack-incomplete"),
        (["model.x.bin", "vocab.x.spm"], "pack-pair-unknown"),
        (["model.enpt.bin", "model.enpt.other.bin", "vocab.enpt.spm"], "pack-mixed-up"),
    ],
)
def test_what_is_no_whole_pack_says_what_is_missing(names: list[str], key: str) -> None:
    folder = paths.models_dir() / "odd"
    folder.mkdir()
    for name in names:
        (folder / name).write_bytes(b"x")
    assert problem(folder) == key


def test_split_vocabularies_are_a_pack(tmp_path: Path) -> None:
    for name in ("model.enja.bin", "lex.enja.bin", "srcvocab.enja.spm", "trgvocab.enja.spm"):
        (tmp_path / name).write_bytes(b"x")
    pack = read_pack(tmp_path)
    assert (pack.pair, sorted(pack.files)) == (("en", "ja"), ["lex", "model", "srcvocab", "trgvocab"])


@pytest.mark.slow
def test_a_pack_is_removed_with_its_receipt_and_nothing_else(site: Site) -> None:
    place = fetched(site, "en", "pt")
    (place / "notes.txt").write_text("mine")
    remove("firefox-en-pt")
    assert [path.name for path in place.iterdir()] == ["notes.txt"]
    (place / "notes.txt").unlink()
    fetched(site, "en", "pt")
    remove("firefox-en-pt")
    assert not place.exists()


@pytest.mark.slow
def test_a_language_is_removed_with_both_its_packs(site: Site) -> None:
    for pair in (("en", "pt"), ("pt", "en"), ("en", "de")):
        fetched(site, *pair)
    assert remove_language("pt") == ["firefox-en-pt", "firefox-pt-en"]
    assert [model.name for model in installed()] == ["firefox-en-de"]
    with pytest.raises(KnownError, match="language-not-installed"):
        remove_language("pt")
    assert find("firefox-en-pt") is None


@pytest.mark.slow
def test_headers_of_packs_are_remembered_until_a_file_changes(site: Site) -> None:
    place = fetched(site, "en", "pt")
    installed()
    cache = json.loads((paths.cache_dir() / "model-headers.json").read_text())
    assert list(cache["entries"]) == [str(place)]
