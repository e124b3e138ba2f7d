"""What is kept of the fields of the panels, and that nothing stays of what was taken out."""

from __future__ import annotations

from pathlib import Path

import pytest

from autogpt_desktop.errors import KnownError
from autogpt_desktop.storage.drafts import TextDrafts


def test_a_text_is_kept_by_name_and_taken_away_from_the_disk(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "drafts.db"
    drafts = TextDrafts(path)
    assert drafts.get("translate") == ""
    drafts.keep("translate", "")
    assert not path.exists()  # nothing is written before there is something
    drafts.keep("translate", "Strictly private 秘密 \ud83d")
    drafts.keep("sentiment", "fine")
    assert TextDrafts(path).get("translate") == "Strictly private 秘密 ?"
    drafts.keep("translate", "another")
    assert b"private" not in path.read_bytes()
    drafts.keep("translate", "")
    assert (drafts.get("translate"), drafts.get("sentiment")) == ("", "fine")
    assert b"another" not in path.read_bytes()
    assert [file.name for file in path.parent.iterdir()] == ["drafts.db"]  # no journal either


def test_what_the_disk_says_is_said_plainly(tmp_path: Path) -> None:
    path = tmp_path / "drafts.db"
    path.write_bytes(b"no database at all " * 100)
    with pytest.raises(KnownError) as caught:
        TextDrafts(path).keep("translate", "text")
    assert caught.value.key == "history-corrupt"
