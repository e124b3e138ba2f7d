"""A newer list of packs: fetched from a server of this machine, read strictly."""

from __future__ import annotations

import copy
import gzip
import json
import random
from pathlib import Path
from typing import Any

import pytest

from autogpt_desktop import paths
from autogpt_desktop.catalog.download import fetch
from autogpt_desktop.catalog.pack_entries import shipped
from autogpt_desktop.catalog.pack_index import fetch_index, index_path, load_index
from autogpt_desktop.catalog.packs import best, find_entry, lighter, packs
from autogpt_desktop.errors import KnownError
from tests.catalog.pack_site import contents, sha256
from tests.catalog.server import Site

SOURCE = shipped()[0]


def entry(pair: str, architecture: str = "base", **more: Any) -> dict[str, Any]:
    source, target = pair.split("-")
    key = source + target
    data = contents(key, 1000)[f"model.{key}.intgemm.alphas.bin"]
    place = f"models/{pair}/run_1/exported"
    return {
        "architecture": architecture,
        "releaseStatus": "Release",
        "sourceLanguage": source,
        "targetLanguage": target,
        "files": {
            "model": {
                "path": f"{place}/model.{key}.intgemm.alphas.bin.gz",
                "uncompressedSize": len(data),
                "uncompressedHash": sha256(data),
            },
            "lexicalShortlist": {"path": f"{place}/lex.50.50.{key}.s2t.bin.gz"},
            "vocab": {"path": f"{place}/vocab.{key}.spm.gz"},
        },
        "metrics": {"flores200-plus": {"bleu": 30.0, "chrf": 60.0, "comet22": 0.9}},
        **more,
    }


def index(address: str, *entries: dict[str, Any]) -> dict[str, Any]:
    models: dict[str, Any] = {}
    for one in entries:
        models.setdefault(f"{one['sourceLanguage']}-{one['targetLanguage']}", []).append(one)
    return {"generated": "2026-11-01T00:00:00Z", "baseUrl": address, "models": models}


def serve(site: Site, value: object) -> None:
    site.files["db/models.json"] = json.dumps(value).encode()


def update(site: Site) -> None:
    for _ in fetch_index(site.url("db/models.json")):
        pass


def test_a_newer_index_replaces_and_adds_packs(site: Site) -> None:
    better = entry("en-pt", metrics={"flores200-plus": {"comet": 0.95}})
    serve(site, index(site.address, entry("en-vi"), better, entry("en-pt", "tiny")))
    assert best("en", "vi") is None
    update(site)
    vietnamese, portuguese = best("en", "vi"), best("en", "pt")
    assert vietnamese is not None
    assert portuguese is not None
    assert (vietnamese.name, vietnamese.license, vietnamese.comet) == ("firefox-en-vi", "MPL-2.0", 0.9)
    assert portuguese.architecture == "base"
    assert find_entry("firefox-en-pt-base-memory") is not None
    assert best("de", "en") == shipped()[1]["firefox-de-en"]
    assert len(packs()) == 137 + 2
    assert not list(paths.data_dir().glob("*.part"))


@pytest.mark.slow
def test_a_pack_of_the_index_is_fetched_and_checked(site: Site) -> None:
    serve(site, index(site.address, entry("en-vi")))
    update(site)
    pack = best("en", "vi")
    assert pack is not None
    files = contents("envi", 1000)
    for file in pack.files:
        site.files[file.sources[0].url.removeprefix(f"{site.address}/")] = gzip.compress(files[file.name])
    for _ in fetch(pack):
        pass
    place = paths.models_dir() / "firefox-en-vi"
    assert {name: (place / name).read_bytes() for name in files} == files
    asked = len(site.requests)
    for _ in fetch(pack):
        pass
    assert len(site.requests) == asked
    (place / "model.envi.intgemm.alphas.bin").unlink()
    path = next(path for path in site.files if "/model." in path)
    site.files[path] = gzip.compress(b"x" * len(files["model.envi.intgemm.alphas.bin"]))
    with pytest.raises(KnownError, match="download-checksum"):
        list(fetch(pack))


def test_what_ships_is_kept_where_the_model_is_the_same(site: Site) -> None:
    ours = shipped()[1]["firefox-en-pt"]
    (model,) = [file for file in ours.files if file.name.startswith("model.")]
    same = entry("en-pt", "base-memory")
    same["files"]["model"] |= {"uncompressedSize": model.size, "uncompressedHash": model.sha256}
    serve(site, index(site.address, same))
    update(site)
    assert packs() == shipped()[1]


def test_packs_that_are_tried_out_are_left_out(site: Site) -> None:
    serve(site, index(site.address, entry("en-vi", releaseStatus="Nightly"), entry("en-th")))
    update(site)
    assert best("en", "vi") is None
    assert best("en", "th") is not None


def test_scripts_are_written_as_in_tags(site: Site) -> None:
    chinese = entry("en-vi", targetLanguage="zh_hant")
    serve(site, index(site.address, chinese))
    update(site)
    pack = best("en", "zh-Hant")
    assert pack is not None
    assert lighter(pack) is None


def test_nothing_is_asked_without_a_click(site: Site) -> None:
    assert not site.requests
    assert not index_path().exists()
    packs()
    assert not site.requests


@pytest.mark.parametrize(
    "value",
    [
        [], {}, {"models": {}}, {"baseUrl": 3, "models": {}}, {"baseUrl": "ADDRESS", "models": []},
        {"baseUrl": "ADDRESS", "models": {"en-pt": 3}},
        {"baseUrl": "https://elsewhere.example", "models": {"en-vi": [entry("en-vi")]}},
        {"baseUrl": "http://127.0.0.1:1/", "models": {"en-vi": [entry("en-vi")]}},
    ],
)  # fmt: skip
def test_what_is_no_index_changes_nothing(site: Site, value: object) -> None:
    site.files["db/models.json"] = json.dumps(value).replace("ADDRESS", site.address).encode()
    with pytest.raises(KnownError, match="packs-index-unreadable"):
        update(site)
    assert packs() == shipped()[1]
    assert not index_path().exists()


def test_an_index_that_cannot_be_had_or_never_ends(site: Site) -> None:
    with pytest.raises(KnownError, match="packs-index-unreachable"):
        update(site)
    site.files["db/models.json"] = b" " * (9 << 20)
    site.chunked = True
    with pytest.raises(KnownError, match="packs-index-unreachable"):
        update(site)
    assert not index_path().exists()


@pytest.mark.parametrize(
    ("where", "bad"),
    [
        (("files", "model", "path"), "../../x/model.envi.bin.gz"),
        (("files", "model", "path"), "https://elsewhere.example/model.envi.bin.gz"),
        (("files", "model", "path"), "models/vocab.envi.spm.gz"),
        (("files", "vocab", "path"), "models/run.exe.gz"),
        (("files", "vocab", "path"), 3),
        (("files", "model", "uncompressedSize"), 1 << 40),
        (("files", "model", "uncompressedSize"), -1),
        (("files", "model", "uncompressedSize"), True),
        (("files", "model", "uncompressedHash"), "0" * 63),
        (("files", "model", "uncompressedHash"), None),
        (("files",), []),
        (("files", "lexicalShortlist"), None),
        (("sourceLanguage",), "../en"),
        (("targetLanguage",), "en"),
        (("architecture",), "a/b"),
        (("releaseStatus",), None),
    ],
)
def test_one_senseless_pack_is_left_out(tmp_path: Path, where: tuple[str, ...], bad: Any) -> None:
    wrong = copy.deepcopy(entry("en-vi"))
    place: Any = wrong
    for key in where[:-1]:
        place = place[key]
    place[where[-1]] = bad
    value = index("https://a.example", entry("en-th"))
    value["models"]["en-vi"] = [wrong]
    path = tmp_path / "index.json"
    path.write_text(json.dumps(value))
    assert [pack.pair for pack in load_index(path, SOURCE, "https://a.example/db")] == [("en", "th")]


def test_senseless_figures_are_none(tmp_path: Path) -> None:
    path = tmp_path / "index.json"
    for metrics in ({"flores200-plus": {"bleu": "x", "comet": -1}}, {"flores200-plus": []}, None, {}):
        path.write_text(json.dumps(index("https://a.example", entry("en-th", metrics=metrics))))
        (pack,) = load_index(path, SOURCE, "https://a.example/db")
        assert (pack.bleu, pack.comet) == (0.0, 0.0)
    hundredths = entry("en-th", metrics={"flores200-plus": {"comet": 88.0}})
    path.write_text(json.dumps(index("https://a.example", hundredths)))
    assert load_index(path, SOURCE, "https://a.example/db")[0].comet == pytest.approx(0.88)


def test_a_damaged_index_never_breaks_the_list(site: Site) -> None:
    serve(site, index(site.address, entry("en-vi"), entry("en-th")))
    update(site)
    good = index_path().read_bytes()
    chance = random.Random(5)
    for _ in range(150):
        bad = bytearray(good)
        for _ in range(chance.randint(1, 4)):
            bad[chance.randrange(len(bad))] = chance.randrange(256)
        index_path().write_bytes(bytes(bad[: chance.randint(1, len(bad))] if chance.random() < 0.3 else bad))
        load_index(index_path(), SOURCE)
    index_path().write_bytes(b"[" * 100_000)
    assert packs() == shipped()[1]
