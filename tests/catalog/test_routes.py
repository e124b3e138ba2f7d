"""Which models translate a pair of languages."""

from __future__ import annotations

from pathlib import Path

import pytest

from autogpt_desktop.catalog.installed import InstalledModel
from autogpt_desktop.catalog.routes import (
    Route,
    choose,
    judge,
    languages_from,
    languages_into,
    missing_packs,
    pair_key,
    route,
    routes,
)


def pack(
    pair: str, comet: float = 0.8, size: int = 1, name: str = "", problem: str | None = None
) -> InstalledModel:
    source, _, target = pair.partition(">")
    return InstalledModel(
        name or pair, pair, Path(pair), size, "firefox", (source, target), 0, "int8", problem=problem,
        kind="seq2seq", pairs=((source, target),), comet=comet,
    )  # fmt: skip


MODEL = InstalledModel("gemma", "Gemma", Path("g"), 1, "gemma3", ("en", "fr"), 1, "Q4")
SOME = [pack("en>pt"), pack("pt>en"), pack("de>en"), pack("en>ja"), MODEL]
CHINESE = [pack("zh>en"), pack("en>zh"), pack("nb>en"), pack("nn>en", 0.0)]


@pytest.mark.parametrize(
    ("pair", "installed", "preferred", "kind", "names"),
    [
        # a pack of the pair, whatever else is here
        ("en>pt", SOME, "", "pack", ["en>pt"]),
        ("pt>en", SOME, "", "pack", ["pt>en"]),
        ("en>pt", [*SOME, pack("en>pt", 0.9, name="best")], "", "pack", ["best"]),
        ("en>pt", [*SOME, pack("en>pt", 0.0, 9, name="unknown")], "", "pack", ["en>pt"]),
        ("en>pt", [pack("en>pt", 0.0, 1, "small"), pack("en>pt", 0.0, 2, "large")], "", "pack", ["large"]),
        # by way of English
        ("de>ja", SOME, "", "via", ["de>en", "en>ja"]),
        ("pt>ja", SOME, "", "via", ["pt>en", "en>ja"]),
        ("de>pt", [*SOME, pack("de>pt", 0.1)], "", "pack", ["de>pt"]),
        # the language model, for the rest
        ("ja>de", SOME, "", "model", []),
        ("ja>en", SOME, "", "model", []),
        ("en>fr", SOME, "", "model", []),
        ("en>fr", [], "", "", []),
        ("en>en", SOME, "", "", []),
        # as the user prefers, where that is here
        ("en>pt", SOME, "model", "model", []),
        ("en>pt", SOME, "via", "pack", ["en>pt"]),
        ("de>ja", SOME, "model", "model", []),
        ("de>ja", SOME, "pack", "via", ["de>en", "en>ja"]),
        ("en>pt", SOME[:1], "model", "pack", ["en>pt"]),
        ("en>pt", SOME, "nonsense", "pack", ["en>pt"]),
        # a pack that is damaged is none
        ("en>pt", [pack("en>pt", problem="model-damaged"), MODEL], "", "model", []),
        # languages that are one where texts are told apart
        ("zh>en", CHINESE, "", "pack", ["zh>en"]),
        ("zh-Hans>en", CHINESE, "", "pack", ["zh>en"]),
        ("no>en", CHINESE, "", "pack", ["nb>en"]),
        ("no>zh", CHINESE, "", "via", ["nb>en", "en>zh"]),
        ("zh-Hant>en", CHINESE, "", "", []),  # no pack writes or reads it
        ("en>zh-Hant", CHINESE, "", "", []),
    ],
)
def test_what_translates_a_pair(
    pair: str, installed: list[InstalledModel], preferred: str, kind: str, names: list[str]
) -> None:
    source, _, target = pair.partition(">")
    model = MODEL if MODEL in installed else None
    wishes = {pair_key(source, target): preferred} if preferred else {}
    found = route(source, target, installed, model, wishes)
    assert (found.kind, list(found.models)) == (kind, names)
    assert found.via == ("en" if kind == "via" else "")


def test_every_way_is_offered_the_best_first() -> None:
    every = [*SOME, pack("de>ja", 0.7)]
    assert [way.kind for way in routes("de", "ja", every, MODEL)] == ["pack", "via", "model"]
    via = routes("de", "ja", every, None)[1]
    assert via.quality == pytest.approx(0.64)
    assert choose([]) == Route("")


def test_a_preference_is_for_one_pair() -> None:
    wishes = {"en-pt": "model"}
    assert route("en", "pt", SOME, MODEL, wishes).kind == "model"
    assert route("pt", "en", SOME, MODEL, wishes).kind == "pack"


@pytest.mark.parametrize(
    ("pair", "installed", "wanted"),
    [
        ("en>ja", [], ["firefox-en-ja"]),
        ("en>ja", SOME, []),
        ("ja>de", SOME, ["firefox-ja-en", "firefox-en-de"]),
        ("ja>pt", SOME, ["firefox-ja-en"]),
        ("en>vi", [], []),  # there is no such pack
        ("de>vi", SOME, []),
        ("vi>de", [], ["firefox-vi-en", "firefox-en-de"]),
        ("no>en", [], ["firefox-nb-en"]),
        ("en>zh", [], ["firefox-en-zh"]),
        ("en>xx", [], []),
    ],
)
def test_what_one_click_would_fetch(pair: str, installed: list[InstalledModel], wanted: list[str]) -> None:
    assert missing_packs(*pair.split(">"), installed) == wanted


def test_languages_of_the_packs_that_are_here() -> None:
    assert languages_from(SOME) == {"en", "pt", "de"}
    assert languages_into(CHINESE) == {"en", "zh"}


def test_which_pack_reads_what_others_translated() -> None:
    assert judge("en", "pt", SOME) == "en>pt"
    assert judge("en", "de", SOME) == "de>en"  # the other way round
    assert judge("en", "zh", CHINESE) == "en>zh"
    assert judge("fr", "de", SOME) == ""
