"""Packs in the terminal: by name and by language."""

from __future__ import annotations

import pytest

from autogpt_desktop import paths
from autogpt_desktop.catalog import packs as list_of_packs
from autogpt_desktop.catalog import transfer
from autogpt_desktop.cli.main import main
from tests.catalog.pack_site import serve_pack
from tests.catalog.server import Site, serving

pytestmark = pytest.mark.slow


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> object:
    monkeypatch.setattr(transfer, "PAUSE", 0.01)
    monkeypatch.setattr(paths, "model_dirs", lambda: [paths.models_dir()])
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with serving(Site()) as site:
        found = [serve_pack(site, *pair, size=1000) for pair in (("en", "pt"), ("pt", "en"), ("is", "en"))]
        monkeypatch.setattr(list_of_packs, "packs", lambda: {pack.name: pack for pack in found})
        yield site


def test_packs_are_fetched_listed_and_removed(served: Site, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "get", "firefox-en-pt", "firefox-pt-en"]) == 0
    capsys.readouterr()
    assert main(["models", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("firefox-en-pt\t")
    assert lines[0].endswith("\tEnglish → Portuguese")
    assert [line for line in lines if line.endswith("\tIcelandic")]
    assert not [line for line in lines if line.endswith("\tPortuguese") and "can be" in line]
    assert main(["models", "remove", "firefox-en-pt"]) == 0
    assert [path.name for path in paths.models_dir().iterdir()] == ["firefox-pt-en"]


def test_a_language_is_both_directions(served: Site, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "get", "--language", "pt", "--language", "is"]) == 0
    found = sorted(path.name for path in paths.models_dir().iterdir())
    assert found == ["firefox-en-pt", "firefox-is-en", "firefox-pt-en"]
    assert main(["models", "remove", "--language", "pt"]) == 0
    assert [path.name for path in paths.models_dir().iterdir()] == ["firefox-is-en"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["get"], "Which model"),
        (["remove"], "Which model"),
        (["get", "--language", "xx"], "no translation packs for xx"),
        (["remove", "--language", "pt"], "no translation pack"),
        (["get", "firefox-pt-en", "firefox-xx-en"], "firefox-xx-en"),
    ],
)
def test_what_cannot_be_done_is_told_before_anything_is(
    served: Site, capsys: pytest.CaptureFixture[str], arguments: list[str], says: str
) -> None:
    assert main(["models", *arguments]) == 1
    assert says in capsys.readouterr().err
    assert not served.requests
