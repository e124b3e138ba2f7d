"""The history when things go wrong: kill -9, locks, full and read-only disks, damage."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from autogpt_desktop import i18n
from autogpt_desktop.errors import KnownError
from autogpt_desktop.storage.conversations.store import History, set_aside

V1 = Path(__file__).parents[2] / "data" / "history-v1.sql"


@pytest.fixture
def path(tmp_path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    return folder / "history.db"


def filled(path: Path) -> int:
    """A database with one conversation of two messages, closed again."""
    with closing(History(path)) as history:
        one = history.create("chat")
        question = history.add_message(one, None, "user", "what is it")
        history.add_message(one, question, "assistant", "an answer " * 300)
    return one


def key_of(call: Callable[[], object]) -> str:
    with pytest.raises(KnownError) as caught:
        call()
    for language in ("en", "zh_CN"):
        i18n.set_language(language)
        sentence = i18n.message(caught.value)
        assert sentence != f"error.{caught.value.key}"
        assert "{" not in sentence
    i18n.set_language("en")
    return caught.value.key


# kill -9

STREAMER = """
import sys, time
from pathlib import Path
from autogpt_desktop.storage.conversations.store import History

history = History(Path(sys.argv[1]))
one = history.create("chat")
question = history.add_message(one, None, "user", "Tell me a long story.")
answer = history.add_message(one, question, "assistant", "", state="streaming", model="tiny")
text, saved = "", time.monotonic()
for number in range(10**9):
    text += f"word{number} "
    print(time.monotonic(), len(text), flush=True)
    if time.monotonic() - saved > 0.5:  # as the window does
        history.set_text(answer, text)
        saved = time.monotonic()
    time.sleep(0.005)
"""


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="no SIGKILL")
@pytest.mark.parametrize("after", [0.3, 1.7])
def test_kill_in_the_middle_of_an_answer_loses_at_most_the_last_second(path, after):
    child = subprocess.Popen([sys.executable, "-c", STREAMER, str(path)], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    lines = [child.stdout.readline()]
    while float(lines[-1].split()[0]) - float(lines[0].split()[0]) < after:
        lines.append(child.stdout.readline())
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    lines += child.stdout.read().splitlines()
    child.stdout.close()
    moments = [line.split() for line in lines if len(line.split()) == 2]
    killed = float(moments[-1][0])
    a_second_before = max((int(length) for at, length in moments if float(at) <= killed - 1), default=0)
    with closing(History(path)) as history:
        (conversation,) = history.conversations()
        question, answer = history.path(conversation.id)
        assert (question.text, question.state) == ("Tell me a long story.", "complete")
        assert (answer.state, answer.model) == ("interrupted", "tiny")
        assert len(answer.text) >= a_second_before
        assert int(moments[-1][1]) >= len(answer.text)
        assert answer.text == "".join(f"word{n} " for n in range(answer.text.count(" ")))
        if after > 1:
            assert answer.text
            assert history.conversations("word3 ")
        history.set_text(answer.id, answer.text + "continued", state="complete")  # "continue"
        assert history.path(conversation.id)[1].state == "complete"
        assert history.rows("PRAGMA integrity_check") == [("ok",)]


CHURNER = """
import sys
from pathlib import Path
from autogpt_desktop.storage.conversations.store import History

history = History(Path(sys.argv[1]))
print("ready", flush=True)
number = 0
while True:
    number += 1
    one = history.create(f"c{number}")
    parent = None
    for _ in range(5):
        parent = history.add_message(one, parent, "user", f"text {number} " * 200)
    if number % 3 == 0:
        history.delete(one)
        history.purge_deleted()
    print(number, flush=True)
"""


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="no SIGKILL")
def test_kill_at_any_moment_leaves_a_whole_database(path):
    for round_ in range(4):
        child = subprocess.Popen(
            [sys.executable, "-c", CHURNER, str(path)], stdout=subprocess.PIPE, text=True
        )
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        time.sleep(0.05 + random.Random(round_).random() / 5)
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
        finished = [int(line) for line in child.stdout.read().splitlines()]
        child.stdout.close()
        with closing(History(path)) as history:
            assert history.rows("PRAGMA integrity_check") == [("ok",)]
            assert history.rows("PRAGMA foreign_key_check") == []
            titles = {item.title: item for item in history.conversations()}
            for number in finished:
                if number % 3:
                    assert len(history.path(titles[f"c{number}"].id)) == 5
                else:
                    assert f"c{number}" not in titles
            for item in titles.values():
                history.delete(item.id)
            history.purge_deleted()
            assert history.rows("SELECT count(*) FROM messages") == [(0,)]
            assert history.conversations("text") == []


# Locks

LOCKER = """
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
if sys.argv[2] == "exclusive":
    db.execute("PRAGMA locking_mode = EXCLUSIVE")
db.execute("BEGIN EXCLUSIVE")
db.execute("UPDATE conversations SET title = title")
print("locked", flush=True)
sys.stdin.readline()
"""


@pytest.mark.slow
@pytest.mark.parametrize("how", ["exclusive", "write"])
def test_a_database_that_another_program_locked_cannot_be_opened_until_it_lets_go(path, how):
    one = filled(path)
    locker = subprocess.Popen([sys.executable, "-c", LOCKER, str(path), how], text=True,
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # fmt: skip
    assert locker.stdout is not None
    assert locker.stdout.readline() == "locked\n"
    at = time.monotonic()
    assert key_of(lambda: History(path, busy_ms=100)) == "history-locked"
    assert time.monotonic() - at < 3
    locker.communicate("go\n")
    with closing(History(path)) as history:
        assert len(history.path(one)) == 2


@pytest.mark.slow
def test_a_lock_while_it_is_open_loses_nothing(path):
    filled(path)
    with closing(History(path, busy_ms=100)) as history:
        one = history.create("chat")
        answer = history.add_message(one, None, "assistant", "saved", state="streaming")
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            other.execute("UPDATE conversations SET title = 'x'")
            assert key_of(lambda: history.set_text(answer, "saved and more")) == "history-locked"
            assert key_of(lambda: history.add_message(one, answer, "user", "new")) == "history-locked"
            assert [message.text for message in history.path(one)] == ["saved"]  # reading goes on
            other.execute("ROLLBACK")
        assert history.set_text(answer, "saved and more", state="complete")
        assert [message.text for message in history.path(one)] == ["saved and more"]


# A full disk


def fill_up(history: History) -> None:
    """SQLite's own limit: every further page is refused as on a full disk (SQLITE_FULL)."""
    pages = history.rows("PRAGMA page_count")[0][0]
    history.rows(f"PRAGMA max_page_count = {pages}")


def test_a_full_disk_refuses_what_is_new_and_keeps_what_is_there(path):
    one = filled(path)
    with closing(History(path)) as history:
        last = history.path(one)[-1]
        answer = history.add_message(one, last.id, "assistant", "begun", state="streaming")
        before = history.export(one, "json")
        fill_up(history)
        big = "much more text " * 20_000
        for call in (
            lambda: history.set_text(answer, big, state="complete"),
            lambda: history.add_message(one, answer, "user", big),
            lambda: history.set_draft(None, big),
            lambda: history.update(one, system_prompt=big),
            lambda: history.import_json(before.replace("begun", big)),
        ):
            assert key_of(call) == "disk-full"
            assert not history.db.in_transaction
        assert history.export(one, "json") == before
        history.rows("PRAGMA max_page_count = 1000000")  # some space was freed
        assert history.set_text(answer, big, state="complete")
        assert history.path(one)[-1].text == big
        assert history.conversations("much more")
        assert history.rows("PRAGMA integrity_check") == [("ok",)]


FULL = """
import sys
from pathlib import Path
from autogpt_desktop.errors import KnownError
from autogpt_desktop.storage.conversations.store import History

folder, what = Path(sys.argv[1]), sys.argv[2]
try:
    if what == "open":  # nothing is left for even an empty database
        (folder / "filler").write_bytes(b"x" * (folder.stat().st_blksize * 60))
        with open(folder / "filler", "ab", buffering=0) as file:
            while True:
                file.write(b"x" * 1024)
except OSError:
    pass
try:
    history = History(folder / "history.db")
    kept = 0
    one = history.create("chat")
    while True:
        history.add_message(one, None, "user", "words " * 2000)
        kept += 1
except KnownError as error:
    print(error.key)
    if what == "open":
        sys.exit()
    assert len(history.siblings(1)) == kept > 0
    assert history.rows("PRAGMA integrity_check") == [("ok",)]
    history.close()
    again = History(folder / "history.db")
    assert len(again.siblings(1)) == kept
    print("kept")
"""


@pytest.fixture
def mount(tmp_path) -> Callable[..., str]:
    """Runs Python code with a folder mounted in a namespace of its own; skips where that is forbidden."""
    place = tmp_path / "mounted"
    place.mkdir()
    unshare = shutil.which("unshare")
    probe = [unshare or "unshare", "-rm", "mount", "-t", "tmpfs", "none", str(place)]
    if unshare is None or subprocess.run(probe, capture_output=True).returncode:
        pytest.skip("this system does not let the test mount a folder of its own")

    def run(mounting: str, code: str, *arguments: str) -> str:
        script = f'{mounting} && exec "$0" -c "$@"'
        command = [unshare, "-rm", "sh", "-ec", script, sys.executable, code, str(place), *arguments]
        done = subprocess.run(
            command, capture_output=True, text=True, env={**os.environ, "PLACE": str(place)}
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.mark.slow
@pytest.mark.parametrize(("what", "output"), [("fill", "disk-full\nkept\n"), ("open", "disk-full\n")])
def test_a_disk_that_is_really_full(mount, what, output):
    assert mount('mount -t tmpfs -o size=800k none "$PLACE"', FULL, what) == output


MIGRATE = """
import sqlite3, sys
from contextlib import closing
from pathlib import Path
from autogpt_desktop.errors import KnownError
from autogpt_desktop.storage.conversations.store import History

file = Path(sys.argv[1]) / "history.db"
with closing(sqlite3.connect(file)) as db:
    db.executescript(Path(sys.argv[2]).read_text(encoding="utf-8"))
    db.execute("UPDATE messages SET text = text || hex(randomblob(90000)), indexed = 0 WHERE id = 1")
    db.commit()
try:
    History(file)
except KnownError as error:
    print(error.key)
with closing(sqlite3.connect(file)) as db:
    names = sorted(item.name for item in file.parent.iterdir() if item.suffix not in (".db-wal", ".db-shm"))
    print(db.execute("PRAGMA user_version").fetchone()[0], names)
    assert db.execute("SELECT length(text) FROM messages WHERE id = 1").fetchone()[0] > 180000
"""


@pytest.mark.slow
def test_no_migration_without_room_for_the_copy(mount):
    mounting = 'mount -t tmpfs -o size=480k none "$PLACE"'
    assert mount(mounting, MIGRATE, str(V1)) == "disk-full\n1 ['history.db']\n"


# A read-only disk

READ_ONLY = """
import sys
from pathlib import Path
from autogpt_desktop.errors import KnownError
from autogpt_desktop.storage.conversations.store import History

for name in ("history.db", "new.db", "new/history.db"):
    try:
        History(Path(sys.argv[1]) / name)
    except KnownError as error:
        print(error.key)
"""


@pytest.mark.slow
def test_a_read_only_disk(mount, path):
    one = filled(path)
    before = path.read_bytes()
    mounting = f'mount --bind "{path.parent}" "$PLACE" && mount -o remount,ro,bind "$PLACE"'
    assert mount(mounting, READ_ONLY) == "history-readonly\n" * 3
    assert path.read_bytes() == before
    with closing(History(path)) as history:
        assert len(history.path(one)) == 2


def test_a_database_that_becomes_read_only_while_it_is_open(path):
    one = filled(path)
    with closing(History(path)) as history:
        before = history.export(one, "json")
        history.rows("PRAGMA query_only = ON")  # SQLite then answers as for a read-only file
        assert key_of(lambda: history.add_message(one, None, "user", "x")) == "history-readonly"
        assert key_of(lambda: history.delete(one)) == "history-readonly"
        assert history.export(one, "json") == before


def test_a_folder_in_place_of_the_file_or_a_file_in_place_of_the_folder(path):
    path.mkdir()
    assert key_of(lambda: History(path)) == "history-readonly"
    (path.parent / "file").write_text("mine")
    assert key_of(lambda: History(path.parent / "file" / "history.db")) == "history-readonly"
    assert (path.parent / "file").read_text() == "mine"


# Damage


def damaged(path: Path, how: str) -> bytes:
    filled(path)
    content = bytearray(path.read_bytes())
    if how == "not a database":
        content[:] = b"hello, this is a letter\n" * 100
    elif how == "short":
        content[:] = content[:50]
    elif how == "cut off":
        content[:] = content[:5000]
    elif how == "overwritten":
        content[100:] = bytes(random.Random(1).randbytes(len(content) - 100))
    elif how == "another program's":
        path.unlink()
        with closing(sqlite3.connect(path)) as db:
            db.execute("CREATE TABLE photos (name)")
            db.commit()
        content = bytearray(path.read_bytes())
    elif how == "another program's, marked":
        content[68:72] = b"FOTO"
    elif how == "without tables":
        with closing(sqlite3.connect(path)) as db:
            db.execute("DROP TABLE drafts")
            db.commit()
        content = bytearray(path.read_bytes())
    path.write_bytes(content)
    return bytes(content)


@pytest.mark.parametrize(
    "how",
    ["not a database", "short", "cut off", "overwritten", "another program's", "another program's, marked",
     "without tables"],
)  # fmt: skip
def test_a_damaged_database_is_refused_left_alone_and_can_be_set_aside(path, how):
    content = damaged(path, how)
    assert key_of(lambda: History(path)) == "history-corrupt"
    assert path.read_bytes() == content
    moved = set_aside(path)
    assert moved.read_bytes() == content
    assert not path.exists()
    with closing(History(path)) as history:
        assert history.conversations() == []


def test_damage_found_while_it_is_open_is_a_known_error(path):
    with closing(History(path)) as history:
        one = history.create("chat")
        for _ in range(50):
            history.add_message(one, None, "user", "text " * 500)
    content = bytearray(path.read_bytes())
    for start in range(20 * 4096, len(content), 4096):  # the header and the schema stay readable
        content[start : start + 4096] = b"\x5a" * 4096
    path.write_bytes(content)
    with closing(History(path)) as history:
        assert key_of(lambda: history.path(one)) == "history-corrupt"


def test_an_empty_file_is_a_new_database(path):
    path.touch()
    with closing(History(path)) as history:
        assert history.conversations() == []
