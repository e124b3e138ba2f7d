"""The tiers of the tests themselves: every test has one, and the fast ones need no weights."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import tiers


def test_every_test_has_a_tier(request: pytest.FixtureRequest) -> None:
    for item in request.session.items:
        given = tiers.tiers_of(item)
        assert given, item.nodeid
        assert given == {"fast"} or "fast" not in given, f"{item.nodeid} cannot be all of {sorted(given)}"


def test_a_fast_test_gets_no_weights(request: pytest.FixtureRequest) -> None:
    assert tiers.tiers_of(request.node) == {"fast"}
    with pytest.raises(pytest.fail.Exception, match="A fast test asked for real weights"):
        tiers.real_weights("some-model", "model.gguf")


def test_a_test_that_names_the_fixture_gets_them(minilm_folder: Path, request: pytest.FixtureRequest) -> None:
    assert tiers.tiers_of(request.node) == {"weights"}
    assert (minilm_folder / "config.json").is_file()
