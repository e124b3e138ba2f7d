"""What Sentiment keeps of what was judged: texts, lists, and which table it was."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from autogpt_desktop.errors import KnownError
from autogpt_desktop.storage import verdicts
from autogpt_desktop.storage.verdicts import LIST, LONGEST, TABLE, TEXT, TableSource, VerdictHistory

SHARES = (0.9, 0.07, 0.03)


@pytest.fixture
def history(tmp_path: Path) -> VerdictHistory:
    return VerdictHistory(tmp_path / "folder" / "verdicts.db")


def test_texts_lists_and_tables_come_back_as_they_were(history: VerdictHistory) -> None:
    text = history.keep(TEXT, "A fine\nday.", SHARES)
    lines = history.keep(LIST, "Good.\nBad.", (1, 0, 1))
    source = TableSource("/data/Bewertungen 评论.csv", "", "comment", ";", 3)
    table = history.keep_table(source)
    assert history.keep_table(source, (10, 2, 1)) == table + 1, "the same table is listed once"
    kept = history.entries()
    assert [(one.kind, one.text) for one in kept] == [
        (TABLE, "Bewertungen 评论.csv"), (LIST, "Good.\nBad."), (TEXT, "A fine\nday.")
    ]  # fmt: skip
    assert (kept[0].source, kept[0].outcome) == (source, (10.0, 2.0, 1.0))
    assert [one.id for one in history.entries("评论")] == [kept[0].id]
    assert [one.id for one in history.entries("GOOD bad")] == [lines]
    found = history.find("A fine\nday.")
    assert found is not None
    assert (found.id, found.outcome) == (text, SHARES)
    history.close()


def test_what_own_labels_judged_comes_back_with_them(history: VerdictHistory) -> None:
    labels = ("bill", "praise", "fault", "ошибка")
    plain = history.keep(TEXT, "A fine day.", SHARES)
    text = history.keep(TEXT, "A fine day.", (0.1, 0.6, 0.2, 0.1), model="mails-1a2b", labels=labels)
    source = TableSource("/data/mails.csv", "", "comment", ";", 3)
    table = history.keep_table(source, (4, 3, 2, 1), model="mails-1a2b", labels=labels)
    history.keep_table(source, (3, 2, 5))
    assert len({one.id for one in history.entries()}) == 4, "each way of judging is an entry"
    assert history.get(plain) is not None
    for number, values in ((text, (0.1, 0.6, 0.2, 0.1)), (table, (4.0, 3.0, 2.0, 1.0))):
        kept = history.get(number)
        assert kept is not None
        assert (kept.model, kept.labels, kept.outcome) == ("mails-1a2b", labels, values)
        assert kept.source == (source if kept.kind == TABLE else None)
    before = history.entries()
    history.restore(history.clear())
    assert history.entries() == before
    history.close()


def test_what_is_worked_on_replaces_itself_and_giants_are_left(
    history: VerdictHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = history.keep(TEXT, "Good", SHARES)
    assert history.keep(TEXT, "Good day", SHARES, entry) == entry
    assert [one.text for one in history.entries()] == ["Good day"]
    assert history.keep(TEXT, "x" * (LONGEST + 1)) == 0
    monkeypatch.setattr(verdicts, "MOST", 2)
    for number in range(4):
        history.keep(TEXT, f"{number}")
    assert [one.text for one in history.entries()] == ["3", "2"]
    history.close()


def test_deleting_one_and_all_can_be_undone_and_leaves_no_text(
    history: VerdictHistory, tmp_path: Path
) -> None:
    entry = history.keep(TEXT, "A secret sentence.", SHARES)
    table = history.keep_table(TableSource("/secret/a.xlsx", "Sheet", "text", None, 0))
    kept = [history.delete(entry), history.delete(table)]
    assert history.entries() == []
    history.restore([one for one in kept if one is not None])
    assert {one.id for one in history.entries()} == {entry, table}
    everything = history.clear()
    assert everything
    history.restore(everything)
    assert history.get(table) == kept[1]
    history.clear()
    history.close()
    assert b"secret" not in (tmp_path / "folder" / "verdicts.db").read_bytes()


def test_a_name_that_is_no_text_is_kept(history: VerdictHistory) -> None:
    source = TableSource("/data/\udcffodd.csv", "", "text", ",", 1)
    number = history.keep_table(source)
    kept = history.get(number)
    assert kept is not None
    assert kept.source == source
    history.close()


def test_senseless_values_leave_the_text(history: VerdictHistory, tmp_path: Path) -> None:
    number = history.keep(TEXT, "A text.", SHARES)
    history.close()
    with closing(sqlite3.connect(tmp_path / "folder" / "verdicts.db")) as db, db:
        db.execute("UPDATE kept SET source = '[1, 2]', outcome = 'x'")
    kept = history.get(number)
    assert kept is not None
    assert (kept.text, kept.source, kept.outcome) == ("A text.", None, ())
    history.close()


def test_a_damaged_file_is_a_plain_sentence(tmp_path: Path) -> None:
    path = tmp_path / "verdicts.db"
    path.write_bytes(b"this is no database at all, but long enough to look like one" * 40)
    with pytest.raises(KnownError, match="history-corrupt"):
        VerdictHistory(path).entries()
