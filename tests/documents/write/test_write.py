"""Files that keep their form: what is a text, what stays, and that nothing else changes."""

from __future__ import annotations

from pathlib import Path

import pytest

from autogpt_desktop.documents.types import TranslatedText
from autogpt_desktop.documents.write.open import open_blocks
from autogpt_desktop.errors import KnownError

MARKDOWN = """---
title: x
---
# The *title*

A paragraph that is
wrapped.

- [ ] an item
  1. another

```python
print("not this")
```

    indented code

| Name | Value |
|------|:-----:|
| one cell | 2 |

***
> A quotation.
[ref]: https://a.org
"""
SUBTITLES = "WEBVTT\n\nNOTE hidden\n\n1\n00:01.000 --> 00:02.000 align:start\nHello\nthere.\n\n"
PLAIN = "\ufeffOne.\r\n\r\n  Two.\r\nStill two.\r\n"


@pytest.mark.parametrize(
    ("name", "text", "texts"),
    [
        (
            "a.md",
            MARKDOWN,
            [
                "x",
                "The title",
                "A paragraph that is\nwrapped.",
                "an item",
                "another",
                "Name",
                "Value",
                "one cell",
                "A quotation.",
            ],
        ),
        ("a.vtt", SUBTITLES, ["Hello\nthere."]),
        ("a.srt", "1\r\n00:00:01,000 --> 00:00:02,000\r\nHi.\r\n", ["Hi."]),
        ("a.txt", PLAIN, ["One.", "Two.\r\nStill two.\r\n"]),
    ],
)
def test_only_texts_change(tmp_path: Path, name: str, text: str, texts: list[str]) -> None:
    path, out = tmp_path / name, tmp_path / f"out-{name}"
    path.write_bytes(text.encode())
    blocks = open_blocks(path)
    assert [item.removeprefix("\ufeff") for item in blocks.texts] == texts
    blocks.write([TranslatedText(item) for item in blocks.texts], out)
    assert out.read_bytes().decode().removeprefix("\ufeff") == text.removeprefix("\ufeff")
    blocks.write([TranslatedText("文") for _ in blocks.texts], out)
    written = out.read_text(encoding="utf-8")
    assert written.count("文") == len(texts)
    for kept in ('print("not this")', "    indented code", "[ref]: https://a.org", "|:-----:|", "00:01.000"):
        assert (kept in written) == (kept in text)


def test_another_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(KnownError, match="translate-kind"):
        open_blocks(tmp_path / "a.exe")
    with pytest.raises(KnownError, match="document-missing"):
        open_blocks(tmp_path / "a.txt")


def test_a_cue_goes_on_behind_an_empty_line_and_may_name_times(tmp_path: Path) -> None:
    cues = (
        "1\n00:00:01,000 --> 00:00:03,000\nThe first line.\n\nThe second line.\n\n"
        "2\n00:00:04,000 --> 00:00:05,000\n\nThe text is here.\n\n"
        "3\n00:00:06,000 --> 00:00:07,000\nGo to 00:01:23,456 --> 00:01:25,000 now.\n"
    )
    path = tmp_path / "a.srt"
    path.write_text(cues, encoding="utf-8")
    blocks = open_blocks(path)
    spoken = [text for text in blocks.texts if text.strip()]
    assert spoken == [
        "The first line.", "The second line.", "The text is here.",
        "Go to 00:01:23,456 --> 00:01:25,000 now.",
    ]  # fmt: skip
