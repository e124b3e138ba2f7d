"""What is written on keeps its place in a history; another text gets one of its own."""

from __future__ import annotations

import pytest

from autogpt_desktop.ui.widgets.kept_history import goes_on

LONG = "My grandfather sold the mill for two million pounds. It was a sad day."


@pytest.mark.parametrize(
    "now",
    [
        LONG + " He did not say why.",
        LONG[:20],
        LONG.replace("two", "three"),
        "Well. " + LONG,
        LONG[30:],
        LONG,
    ],
)
def test_the_same_text_changed(now: str) -> None:
    assert goes_on(LONG, now)
    assert goes_on("", now)


@pytest.mark.parametrize("now", ["We ate at home and went to bed early.", "租金是八百五十欧元。", LONG[::-1]])
def test_another_text(now: str) -> None:
    assert not goes_on(LONG, now)
    assert not goes_on(now, LONG)
