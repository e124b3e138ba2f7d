"""Conversations: the tree, the list, search in two languages, deleting for good, migrations."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from autogpt_desktop.errors import KnownError
from autogpt_desktop.storage.conversations import schema as conversation_schema
from autogpt_desktop.storage.conversations.schema import MIGRATIONS, VERSION, backup_path
from autogpt_desktop.storage.conversations.store import History, TemporaryHistory, title_from

V1 = Path(__file__).parents[2] / "data" / "history-v1.sql"


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "history.db"


@pytest.fixture
def history(path) -> Iterator[History]:
    history = History(path)
    yield history
    history.close()


def texts(history: History, conversation: int) -> list[str]:
    return [message.text for message in history.path(conversation)]


def found(history: History, query: str) -> list[str]:
    return [item.title for item in history.conversations(query)]


def raw(path: Path) -> bytes:
    """Every byte the history left in its folder."""
    return b"".join(file.read_bytes() for file in path.parent.iterdir() if file.is_file())


# Conversations and drafts


def test_a_new_database_is_empty_and_lies_in_the_data_folder(isolated_home):
    with closing(History()) as history:
        assert history.conversations() == []
        assert history.db.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
        assert history.db.execute("PRAGMA user_version").fetchone()[0] == VERSION
    assert (isolated_home / "history.db").exists()


def test_what_is_stored_comes_back_after_closing(path):
    with closing(History(path)) as history:
        one = history.create("标题", "Be kind.", {"temperature": 0.5, "stop": ["\n"]}, preset="Precise")
        message = history.add_message(
            one, None, "user", "你好 🙂", attachments=[{"name": "a.txt", "text": "A"}]
        )
        history.add_message(one, message, "assistant", "Hello", model="tiny")
        history.update(one, model="tiny", pinned=True)
    with closing(History(path)) as history:
        conversation = history.get(one)
        assert (conversation.title, conversation.system_prompt, conversation.preset, conversation.model) == (
            "标题", "Be kind.", "Precise", "tiny",
        )  # fmt: skip
        assert conversation.sampling == {"temperature": 0.5, "stop": ["\n"]}
        assert conversation.pinned
        first, second = history.path(one)
        assert (first.text, first.role, first.attachments) == (
            "你好 🙂",
            "user",
            ({"name": "a.txt", "text": "A"},),
        )
        assert (second.parent_id, second.model, second.state, second.stats) == (
            first.id,
            "tiny",
            "complete",
            {},
        )
        assert abs(second.created - time.time()) < 60


def test_the_list_is_pinned_first_then_newest(history):
    ids = [history.create(name) for name in "abcd"]
    history.add_message(ids[1], None, "user", "bump")
    history.update(ids[0], pinned=True)
    history.update(ids[3], title="D")  # renaming does not move it
    assert [item.title for item in history.conversations()] == ["a", "b", "D", "c"]
    assert [item.title for item in history.conversations(limit=2, offset=1)] == ["b", "D"]


def test_update_changes_only_what_is_given(history):
    one = history.create("t", "s", {"top_k": 3}, preset="p", model="m")
    history.update(one, title="")
    conversation = history.get(one)
    assert (conversation.title, conversation.system_prompt, conversation.sampling) == ("", "s", {"top_k": 3})
    assert (conversation.preset, conversation.model, conversation.pinned) == ("p", "m", False)


def test_drafts_come_back(path):
    with closing(History(path)) as history:
        one = history.create("t")
        history.set_draft(None, "not yet a conversation")
        history.set_draft(one, "half a thou")
    with closing(History(path)) as history:
        assert history.draft(None) == "not yet a conversation"
        assert history.draft(one) == history.get(one).draft == "half a thou"
        history.update(one, draft="")
        history.set_draft(None, "")
        assert history.draft(one) == history.draft(None) == ""


def test_a_temporary_chat_is_never_written(isolated_home, tmp_path):
    with closing(TemporaryHistory()) as history:
        one = history.create("secret")
        history.add_message(one, None, "user", "a temporary pangolin")
        assert found(history, "pangolin") == ["secret"]
        history.delete(one)
        assert history.purge_deleted() == 1
    assert not [file for file in tmp_path.rglob("*") if file.is_file()]


def test_it_belongs_to_the_thread_that_made_it(history):
    caught: list[BaseException] = []

    def elsewhere() -> None:
        try:
            history.conversations()
        except BaseException as error:
            caught.append(error)

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert isinstance(caught[0], sqlite3.ProgrammingError)


def test_a_missing_conversation_is_a_known_error(history):
    one = history.create("t")
    history.delete(one)
    for call in (
        lambda: history.get(one),
        lambda: history.get(99),
        lambda: history.add_message(one, None, "user", "x"),
        lambda: history.export(one, "json"),
        lambda: history.siblings(99),
    ):
        with pytest.raises(KnownError) as caught:
            call()
        assert caught.value.key == "conversation-missing"
    assert not history.has(one)
    assert history.path(99) == []


def test_mistakes_of_ours_are_not_stored(history):
    one, two = history.create(), history.create()
    message = history.add_message(one, None, "user", "x")
    for arguments in (
        (two, message, "user", "x"),
        (one, None, "robot", "x"),
        (one, None, "user", "x", "odd"),
    ):
        with pytest.raises(ValueError, match=r"unknown role or state|is not in conversation"):
            history.add_message(*arguments)
    with pytest.raises(ValueError, match="unknown state"):
        history.set_text(message, "y", state="odd")
    assert texts(history, one) == ["x"]
    assert texts(history, two) == []


# The tree


def test_branches(history):
    one = history.create()
    question = history.add_message(one, None, "user", "q")
    first = history.add_message(one, question, "assistant", "a1")
    history.add_message(one, first, "user", "more")
    second = history.add_message(one, question, "assistant", "a2")  # regenerate
    third = history.add_message(one, question, "assistant", "a3")
    assert texts(history, one) == ["q", "a3"]
    shown = history.path(one)[1]
    assert (shown.sibling_index, shown.sibling_count) == (2, 3)
    assert history.siblings(second) == [first, second, third]
    assert history.select_sibling(third, -2) == first
    assert texts(history, one) == ["q", "a1", "more"]
    assert history.select_sibling(first, -1) == first  # there is none before
    assert history.select_sibling(first, +1) == second
    assert texts(history, one) == ["q", "a2"]
    edited = history.add_message(one, None, "user", "q edited")
    assert texts(history, one) == ["q edited"]
    history.select(third)  # found by a search: show its whole branch
    assert texts(history, one) == ["q", "a3"]
    assert history.siblings(edited) == [question, edited]


def test_deleting_a_message_takes_what_follows_and_undo_brings_it_back(history):
    one = history.create()
    question = history.add_message(one, None, "user", "q")
    first = history.add_message(one, question, "assistant", "a1")
    second = history.add_message(one, question, "assistant", "a2")
    history.add_message(one, second, "user", "more")
    history.select_sibling(second, 0)
    undo = history.delete_message(second)
    assert texts(history, one) == ["q", "a1"]
    assert history.path(one)[1].sibling_count == 1
    assert history.undo(undo)
    assert texts(history, one) == ["q", "a2", "more"]
    inner, outer = history.delete_message(first), history.delete_message(question)
    assert texts(history, one) == []
    assert history.undo(outer)
    assert texts(history, one) == ["q", "a2", "more"]
    assert history.undo(inner)
    assert history.siblings(first) == [first, second]


def test_a_child_brought_back_behind_a_deleted_parent_stays_out_of_sight_and_is_purged(history):
    one = history.create()
    question = history.add_message(one, None, "user", "q")
    answer = history.add_message(one, question, "assistant", "a")
    undo = history.delete_message(answer)
    history.delete_message(question)
    history.undo(undo)
    assert texts(history, one) == []
    assert '"messages": []' in history.export(one, "json")
    assert history.purge_deleted() == 2
    assert history.rows("PRAGMA foreign_key_check") == []


def test_streaming_text_is_replaced_and_found_when_it_ends(history):
    one = history.create("chat")
    answer = history.add_message(one, None, "assistant", "", state="streaming", model="tiny")
    for part in ("The qu", "The quick ", "The quick fox"):
        assert history.set_text(answer, part)
    assert history.path(one)[0].state == "streaming"
    assert found(history, "quick") == []
    history.set_text(
        answer, "The quick fox.", state="complete", stats={"new_tokens": 4, "rate": float("inf")}
    )
    message = history.path(one)[0]
    assert (message.text, message.state) == ("The quick fox.", "complete")
    assert message.stats == {"new_tokens": 4, "rate": None}
    assert found(history, "quick") == ["chat"]
    history.set_text(answer, "The quick fox. It", state="streaming")  # continue
    history.set_text(answer, "The quick fox. It ran.", state="stopped")
    assert found(history, "ran") == ["chat"]
    history.set_text(answer, "rewritten")
    assert found(history, "quick") == []
    assert found(history, "rewritten") == ["chat"]
    history.delete(one)
    history.purge_deleted()
    assert not history.set_text(answer, "late")


@pytest.mark.slow
@pytest.mark.parametrize(
    "text", ["", "\x00\x00", "half \ud83d", "a" * 1_000_000, "中" * 1_000_000, '"*^():-']
)
def test_any_text_can_be_stored(history, text):
    one = history.create(text[:50])
    at = time.perf_counter()
    history.add_message(one, None, "user", text)
    assert time.perf_counter() - at < 5
    assert texts(history, one) == [text.replace("\ud83d", "?")]
    history.conversations(text[:300])
    history.delete(one)
    assert history.purge_deleted() == 1


# Search


@pytest.fixture
def library(history) -> History:
    for title, text in [
        ("weather", "春天的北京天气很好，适合旅行。"),
        ("code", "Use the Tokenizer class, then call encode()."),
        ("mixed", "我在学习Python编程, café included"),
        ("japanese", "ひらがなとカタカナ"),
        ("full width", "ＧＰＵ 内存"),
    ]:
        history.add_message(history.create(title), None, "user", text)
    return history


@pytest.mark.parametrize(
    ("query", "titles"),
    [
        ("春", ["weather"]),
        ("北京", ["weather"]),
        ("京北", []),  # the order of the characters counts
        ("天气 旅行", ["weather"]),
        ("天气 编程", []),
        ("tokenizer", ["code"]),
        ("TOKENIZER CLASS", ["code"]),
        ("token", ["code"]),  # the last word may go on
        ("token class", []),  # only the last
        ("token ", []),
        ("encode()", ["code"]),
        ("学习python", ["mixed"]),
        ("Python编程", ["mixed"]),
        ("cafe", ["mixed"]),
        ("カタ", ["japanese"]),
        ("gpu", ["full width"]),
        ("ＧＰＵ", ["full width"]),
        ("weath", ["weather"]),  # titles too
        ("", ["full width", "japanese", "mixed", "code", "weather"]),
        ("zzz", []),
        ('"', []),
        ("NEAR( OR AND *", []),
        ("' ; DROP TABLE messages", []),
        ("x" * 100_000, []),
    ],
)
def test_search(library, query, titles):
    assert found(library, query) == titles


def test_a_query_without_letters_is_searched_literally(library):
    library.add_message(library.create("arrow"), None, "user", "a -> b 🙂")
    assert found(library, "->") == ["arrow"]
    assert found(library, "🙂") == ["arrow"]


@pytest.mark.parametrize(
    ("query", "marked"),
    [("北京", ["北京"]), ("tokenizer enc", ["Tokenizer", "enc"]), ("cafe", ["café"]), ("gpu", ["ＧＰＵ"])],
)
def test_the_snippet_shows_the_match(library, query, marked):
    (hit,) = library.conversations(query)
    assert [hit.snippet[start:end] for start, end in hit.snippet_matches] == marked
    assert library.rows("SELECT text FROM messages WHERE id = ?", hit.match_id)[0][0].startswith(
        hit.snippet[:3]
    )


def test_the_snippet_is_short_and_the_newest_match(history):
    one = history.create("long")
    history.add_message(one, None, "user", "needle old")
    two = history.add_message(one, None, "user", "word " * 5000 + "\n\nneedle\n" + "word " * 5000)
    (hit,) = history.conversations("needle")
    assert hit.match_id == two
    assert len(hit.snippet) < 100
    assert "needle" in hit.snippet
    assert hit.snippet.startswith("…")
    assert hit.snippet.endswith("…")
    assert "\n" not in hit.snippet


@pytest.mark.slow
def test_search_is_fast_over_100_000_messages(path):
    with closing(History(path)) as history:
        with history.write() as db:
            for conversation in range(1000):
                db.execute("INSERT INTO conversations (id, title, created, updated) VALUES (?, '', 0, ?)",
                           (conversation + 1, conversation))  # fmt: skip
            common = ["the garden", "我们 的 问题", "the answer of the model", "不 知道 的 事"]
            for number in range(100_000):
                text = f"{common[number % 4]} number{number} and some more words {number % 977}"
                if number == 51_234:
                    text += " 斑马鱼 zebrafish"
                values = (number + 1, number // 100 + 1, text)
                db.execute("INSERT INTO messages (id, conversation_id, role, state, created, text)"
                           " VALUES (?, ?, 'user', 'complete', 0, ?)", values)  # fmt: skip
                history.index(number + 1, text)
        for query, count in (
            ("zebra", 1),
            ("斑马", 1),
            ("马", 1),
            ("问题", 50),
            ("number51234", 1),
            ("the", 50),
        ):
            times = []
            for _ in range(3):
                at = time.thread_time()  # of this thread: another test may run beside it
                hits = history.conversations(query, limit=50)
                times.append(time.thread_time() - at)
            assert len(hits) == count
            assert min(times) < 0.1, (query, times)
        history.delete(513)
        times = []
        steps = history.purge_steps()
        while True:
            at = time.perf_counter()
            done = next(steps, "end")
            times.append(time.perf_counter() - at)
            if done == "end":
                break
        assert sorted(times)[len(times) * 9 // 10] < 0.1
        assert len(times) > 3
    assert b"zebrafis" not in raw(path)


@pytest.mark.slow
def test_a_long_conversation_opens_fast(history):
    one, parent = history.create(), None
    with history.write() as db:
        for number in range(3000):
            row = (one, parent, "user", "complete", 0.0, f"message {number} " * 50)
            query = "INSERT INTO messages (conversation_id, parent_id, role, state, created, text)"
            parent = db.execute(f"{query} VALUES (?, ?, ?, ?, ?, ?)", row).lastrowid
    at = time.perf_counter()
    assert len(history.path(one)) == 3000
    assert time.perf_counter() - at < 3


# Deleting for good


def test_delete_undo_purge(path):
    secret = "the pangolin password 长颈鹿之谜"
    words = [b"pangolin", b"password", *(character.encode() for character in "颈鹿谜")]
    with closing(History(path)) as history:
        keep = history.create("keep")
        history.add_message(keep, None, "user", "ordinary words")
        one = history.create("private giraffe", "system secret okapi")
        message = history.add_message(one, None, "user", secret)
        history.add_message(one, message, "assistant", secret * 2000)  # spills onto overflow pages
        history.set_draft(one, "draft about an aardvark")
        undo = history.delete(one)
        assert found(history, "pangolin") == []
        assert not history.has(one)
        assert history.undo(undo)
        assert found(history, "pangolin") == ["private giraffe"]
        assert len(history.path(one)) == 2
        assert history.purge_deleted() == 0
        assert history.has(one)
        undo = history.delete(one)
        assert history.purge_deleted(older_than=60) == 0
        purged: list[list[int]] = []
        history.on_purge.append(purged.append)
        assert history.purge_deleted() == 2
        assert purged == [[one]]
        assert not history.undo(undo)
        for _ in range(2):  # while open (the log too), and after closing
            bytes_ = raw(path)
            for word in [*words, b"giraffe", b"okapi", b"aardvark"]:
                assert word not in bytes_, word
            assert b"ordinary" in bytes_
            history.close()
    with closing(History(path)) as history:
        assert found(history, "ordinary") == ["keep"]
        assert history.create() > one


def test_purging_a_message_leaves_its_conversation(path):
    with closing(History(path)) as history:
        one = history.create("chat")
        question = history.add_message(one, None, "user", "harmless question")
        answer = history.add_message(one, question, "assistant", "embarrassing wombat")
        history.add_message(one, answer, "user", "about the wombat")
        history.delete_message(answer)
        purged: list[list[int]] = []
        history.on_purge.append(purged.append)
        assert history.purge_deleted() == 2
        assert purged == [[one]]
        assert texts(history, one) == ["harmless question"]
        assert b"wombat" not in raw(path)
        assert found(history, "harmless") == ["chat"]
        history.add_message(one, question, "assistant", "again")
        assert texts(history, one) == ["harmless question", "again"]
        assert history.rows("PRAGMA foreign_key_check") == []


def test_a_purge_that_was_cut_short_goes_on_after_a_restart(path):
    with closing(History(path)) as history:
        for number in range(20):  # several segments of the index
            history.add_message(history.create("keep"), None, "user", f"ordinary {number}")
        one, parent = history.create("gone"), None
        for _ in range(120):
            parent = history.add_message(one, parent, "user", "a numbat")
        history.delete(one)
        steps = history.purge_steps()
        next(steps)
        steps.close()
        assert len(history.rows("SELECT 1 FROM messages WHERE conversation_id = ?", one)) == 70
    with closing(History(path)) as history:
        steps = history.purge_steps()
        for _ in range(3):
            next(steps)  # all rows are gone, the index is not merged
        assert history.rows("SELECT count(*) FROM conversations")[0][0] == 20
        steps.close()
    with closing(History(path)) as history:
        assert history.purge_deleted() == 0
        assert b"numbat" not in raw(path)
        assert len(found(history, "ordinary")) == 20


# Migrations


@pytest.fixture
def old(path) -> Path:
    """A database that version 1 wrote."""
    with closing(sqlite3.connect(path)) as db:
        db.executescript(V1.read_text(encoding="utf-8"))
    return path


def rows_of(path: Path) -> dict[str, list]:
    with closing(sqlite3.connect(path)) as db:
        queries = {"version": "PRAGMA user_version", "schema": "SELECT name, sql FROM sqlite_master"}
        queries |= {name: f"SELECT * FROM {name}" for name in ("conversations", "messages", "search_data")}
        return {name: db.execute(query).fetchall() for name, query in queries.items()}


def test_an_old_database_is_migrated_after_a_copy(old):
    before = rows_of(old)
    with closing(History(old)) as history:
        assert history.rows("PRAGMA user_version") == [(VERSION,)]
        first, second = history.conversations()
        assert (first.title, first.pinned, first.sampling, first.draft) == (
            "Trip to 北京",
            True,
            {"temperature": 0.3},
            "",
        )
        question, answer = history.path(1)
        assert question.attachments == ()
        assert answer.text == "In April, perhaps"
        assert answer.sibling_count == 2
        assert found(history, "北京") == ["Trip to 北京"]
        assert found(history, "pangolin") == ["Second"]
        history.set_draft(second.id, "new")
        history.add_message(second.id, 4, "assistant", "ok", attachments=[{"name": "a"}])
    copy = backup_path(old, 1)
    assert copy.name == "history-v1.bak"
    assert rows_of(copy) == before
    assert before["version"] == [(1,)]
    assert sorted(file.name for file in old.parent.glob("history*")) == ["history-v1.bak", "history.db"]


def test_the_migrated_schema_is_the_new_one(old, tmp_path):
    def schema(path: Path) -> dict[str, list]:
        with closing(History(path)) as history:
            names = [row[0] for row in history.rows("SELECT name FROM sqlite_master ORDER BY name")]
            return {
                name: history.rows(f"SELECT name, type, dflt_value FROM pragma_table_info('{name}')")
                for name in names
            }

    assert schema(old) == schema(tmp_path / "new.db")


def test_the_copy_can_be_put_back(old):
    History(old).close()
    copy = backup_path(old, 1)
    restored = old.with_name("restored.db")
    copy.rename(restored)
    with closing(History(restored)) as history:
        assert found(history, "pangolin") == ["Second"]


def test_purged_text_is_not_kept_in_the_copy(old):
    with closing(History(old)) as history:
        history.delete(2)
        history.delete_message(3)
        assert history.purge_deleted() == 2
        assert b"pangolin" not in raw(old)
        assert b"perhaps" not in raw(old)
    backup_path(old, 1).replace(old)  # and what it still holds can be found
    with closing(History(old)) as history:
        assert found(history, "march") == ["Trip to 北京"]
        assert found(history, "pangolin") == []


def test_a_migration_that_fails_changes_nothing(old, monkeypatch):
    broken = (*MIGRATIONS[1], "INSERT INTO nowhere VALUES (1)")
    monkeypatch.setattr(conversation_schema, "MIGRATIONS", (MIGRATIONS[0], broken))
    with pytest.raises(sqlite3.OperationalError, match="nowhere"):
        History(old)
    monkeypatch.undo()
    with closing(sqlite3.connect(old)) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (1,)
        assert db.execute("SELECT count(*) FROM sqlite_master WHERE name = 'drafts'").fetchone() == (0,)
    with closing(History(old)) as history:
        assert len(history.conversations()) == 2


def test_a_version_that_the_tables_belie_is_damage(path):
    """One flipped byte of the header: the migration would meet tables that are there already."""
    History(path).close()
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version = 1")
        db.execute("PRAGMA journal_mode = DELETE")
    with pytest.raises(KnownError, match="history-corrupt"):
        History(path)


@pytest.mark.parametrize("log", [False, True])
def test_a_newer_database_is_refused_and_left_alone(path, tmp_path, log):
    History(path).close()
    db = sqlite3.connect(path)
    db.execute(f"PRAGMA user_version = {VERSION + 1}")
    db.execute("CREATE TABLE future (x)")
    if log:  # as after a crash: the header says nothing yet, the log does
        copies = {name: (tmp_path / name).read_bytes() for name in ("history.db", "history.db-wal")}
        db.close()
        for name, content in copies.items():
            (tmp_path / name).write_bytes(content)
        assert int.from_bytes(copies["history.db"][60:64], "big") == VERSION
    else:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        db.close()
    before = {
        file.name: file.read_bytes() for file in tmp_path.glob("history.db*") if file.suffix != ".db-shm"
    }
    with pytest.raises(KnownError) as caught:
        History(path)
    assert caught.value.key == "history-newer"
    after = {
        file.name: file.read_bytes() for file in tmp_path.glob("history.db*") if file.suffix != ".db-shm"
    }
    assert before == after
    assert not list(tmp_path.glob("*.bak"))


def test_titles_made_of_a_message():
    assert title_from("\n  Hello   there \nmore") == "Hello there"
    assert title_from("word " * 40).endswith("word…")
    assert len(title_from("word " * 40)) <= 61
    assert title_from("字" * 100) == "字" * 60 + "…"
    assert title_from("") == ""
