"""The index: what it finds, what it keeps in step with the disk, and what it survives."""

from __future__ import annotations

import dataclasses
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from autogpt_desktop import i18n
from autogpt_desktop.documents.index.collection import Collection, Collections, collection_of
from autogpt_desktop.documents.index.fusion import Scores, fuse
from autogpt_desktop.documents.index.index import Embedder, Index, Summary
from autogpt_desktop.documents.index.terms import index_words, query_words
from autogpt_desktop.documents.read.reader import reading
from autogpt_desktop.documents.types import Document
from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Notice, Progress, Result
from tests.documents import files

TEXTS = {
    "bees.txt": "Honey bees dance to tell each other where flowers are. The dance shows the direction.",
    "steel.txt": "Steel is an alloy of iron and carbon. Factories began making it cheaply in 1856.",
    "茶.txt": "茶叶最早产于中国西南部。唐代的陆羽写了一本关于茶的书。",
    "城市.md": "# 城市\n\n北京是中国的首都。上海是最大的港口城市。",
    "été.txt": "L'été dernier, les élèves ont visité le musée de la forêt.",
}


def by_letters(texts: Sequence[str]) -> np.ndarray:
    """Vectors that can be computed by hand: how often each letter occurs."""
    rows = np.zeros((len(texts), 27), np.float32)
    for row, text in zip(rows, texts, strict=True):
        for letter in text.lower():
            row[ord(letter) - 97 if "a" <= letter <= "z" else 26] += 1
    return rows


LETTERS = Embedder("letters", by_letters)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "files"
    root.mkdir()
    for name, text in TEXTS.items():
        (root / name).write_text(text, encoding="utf-8")
    return root


@pytest.fixture
def index(tmp_path: Path, root: Path) -> Iterator[Index]:
    index = Index(Collection(tmp_path / "kept", "c", (root,)))
    yield index
    index.close()


def run(index: Index, embed: Embedder | None = None, **options: Any) -> Summary:
    events = list(index.index(embed, **options))
    assert isinstance(events[-1], Result)
    return events[-1].value


def names(index: Index, query: str, **options: Any) -> list[str]:
    return [hit.passage.path.name for hit in index.search(query, **options)]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("Where do bees find flowers?", "bees.txt"), ("flower", "bees.txt"), ("DANCING", "bees.txt"),
        ("who made steel in 1856", "steel.txt"), ("首都", "城市.md"), ("陆羽", "茶.txt"), ("茶", "茶.txt"),
        ("中国的首都是哪个城市？", "城市.md"), ("ete foret", "été.txt"), ("Élève", "été.txt"),
        ("ＳＴＥＥＬ", "steel.txt"),
    ],
)  # fmt: skip
def test_words_are_found(index: Index, query: str, name: str) -> None:
    assert run(index).added == len(TEXTS)
    hits = index.search(query)
    assert hits[0].passage.path.name == name
    assert (hits[0].bm25_rank, hits[0].vector_rank) == (1, 0)
    assert hits[0].bm25 > 0
    document = (hits[0].passage.path).read_text(encoding="utf-8")
    assert document[hits[0].passage.start : hits[0].passage.end] == hits[0].passage.text


@pytest.mark.parametrize("query", ["", "  ", "?!", '"', "NEAR(", "zz AND", "* ^ -", "zzz", "\0", "x" * 9999])
def test_any_query_is_harmless(index: Index, query: str) -> None:
    run(index)
    assert index.search(query) == []


def test_words_of_the_index_and_of_queries() -> None:
    assert index_words("中国城 and don't ＡＢ") == "中 国 城 中国 国城 and dont ab"
    assert query_words("What is 中国城 and AB's?") == ["中国", "国城", "ab"]
    assert query_words("who is the who") == ["who", "is", "the"]


def test_fusion_trusts_the_ranking_that_knows() -> None:
    ids = np.arange(1, 101)
    sure = np.zeros(100)
    sure[6] = 9.0
    noise = np.random.default_rng(1).uniform(0.5, 0.6, 100)
    ranked = fuse(Scores(ids, sure, 100), Scores(ids, noise, 100))
    assert ranked[0].id == 7
    assert ranked[0].bm25_rank == 1
    assert fuse(Scores(ids[:1], sure[6:7], 1), Scores(ids[:0], noise[:0], 0))[0].id == 1


def test_vectors_are_found_and_fused(index: Index) -> None:
    run(index, LETTERS)
    assert index.embedder() == "letters"
    assert len(index.matrix()) == len(TEXTS)
    text = TEXTS["steel.txt"]
    hit = index.search("", query_vector=by_letters([text])[0])[0]
    assert hit.passage.path.name == "steel.txt"
    assert hit.vector_rank == 1
    assert hit.bm25_rank == 0
    assert hit.similarity == pytest.approx(1, abs=1e-3)
    both = index.search("steel", query_vector=by_letters([text])[0])[0]
    assert both.passage == hit.passage
    assert both.bm25_rank == both.vector_rank == 1
    assert index.search("steel", query_vector=np.ones(5, np.float32))[0].vector_rank == 0  # another model's


def test_a_search_may_be_narrowed_to_some_files(index: Index, root: Path) -> None:
    run(index, LETTERS)
    query, vector = "bees and steel", by_letters(["bees and steel"])[0]
    everything = {hit.passage.path.name for hit in index.search(query, query_vector=vector)}
    assert everything == set(TEXTS)
    for only in (["steel.txt"], ["茶.txt", "été.txt"]):
        hits = index.search(query, query_vector=vector, only=[root / name for name in only])
        assert {hit.passage.path.name for hit in hits} == set(only)
    assert index.search(query, query_vector=vector, only=[root / "elsewhere.txt"]) == []


def test_only_what_changed_is_read_again(index: Index, root: Path) -> None:
    embedded: list[str] = []

    def embed(texts: Sequence[str]) -> np.ndarray:
        embedded.extend(texts)
        return by_letters(texts)

    embedder = Embedder("counting", embed)
    assert run(index, embedder) == Summary(added=5)
    assert len(embedded) == 5
    assert index.stale() == []
    (root / "bees.txt").write_text("Now about wasps.")
    (root / "steel.txt").unlink()
    (root / "new.txt").write_text("Copper conducts.")
    os.utime(root / "茶.txt", (1, 1))
    assert {path.name for path in index.stale()} == {"bees.txt", "steel.txt", "new.txt", "茶.txt"}
    assert run(index, embedder) == Summary(added=1, changed=1, removed=1, unchanged=3)
    assert sorted(embedded[5:]) == ["Copper conducts.", "Now about wasps."]
    assert names(index, "dance flowers steel") == []
    assert names(index, "wasp") == ["bees.txt"]
    assert len(index.matrix()) == 5
    assert index.stale() == []
    run(index, LETTERS)  # another model: all vectors anew
    assert len(index.matrix()) == 5
    assert index.embedder() == "letters"


def test_a_bad_file_is_set_aside_and_stops_nothing(index: Index, root: Path) -> None:
    (root / "empty.txt").touch()
    files.lock_pdf(files.write_pdf(root / "locked.pdf", ["x"]))
    (root / "broken.docx").write_bytes(b"PK\3\4nothing")
    (root / "noise.txt").write_bytes(np.random.default_rng(0).bytes(3000))
    assert run(index) == Summary(added=9, set_aside=4)
    found = {entry.path.name: entry.error and entry.error.key for entry in index.files()}
    assert {name: key for name, key in found.items() if key} == {
        "empty.txt": "document-empty", "locked.pdf": "document-encrypted",
        "broken.docx": "document-damaged", "noise.txt": "document-kind",
    }  # fmt: skip
    assert run(index) == Summary(unchanged=9, set_aside=4)
    (root / "empty.txt").write_text("No longer empty: zebras.")
    assert run(index) == Summary(changed=1, unchanged=8, set_aside=3)
    assert names(index, "zebra") == ["empty.txt"]


def test_pages_and_whole_documents(index: Index, root: Path) -> None:
    files.write_pdf(root / "a.pdf", ["Lions roar.", "Penguins swim."], title="Zoo")
    run(index)
    hit = index.search("penguins")[0].passage
    assert (hit.page, hit.title, hit.text) == ("2", "Zoo", "Penguins swim.")
    assert [passage.text for passage in index.passages_of(root / "a.pdf")] == [
        "Lions roar.",
        "Penguins swim.",
    ]


def test_what_became_of_a_file_is_told(index: Index, root: Path) -> None:
    run(index)
    path = root / "bees.txt"
    assert index.state(path).state == "same"
    os.utime(path, (5, 5))
    assert index.state(path).state == "same"
    path.write_text("other")
    assert index.state(path).state == "changed"
    path.unlink()
    assert index.state(path).state == "missing"
    moved = root / "sub" / "metal.txt"
    moved.parent.mkdir()
    (root / "steel.txt").rename(moved)
    state = index.state(root / "steel.txt")
    assert (state.state, state.path) == ("moved", moved)


def test_cancelled_and_resumed(index: Index, root: Path) -> None:
    calls = iter(range(100))
    assert run(index, cancelled=lambda: next(calls) >= 2).added == 2
    job = index.index(LETTERS)
    for event in job:
        if isinstance(event, Progress) and event.stage == "stage.files-understanding":
            break
    job.close()
    assert len(index.files()) == 5
    run(index, LETTERS)
    assert len(index.matrix()) == 5


@pytest.mark.slow
def test_it_goes_on_after_a_kill(tmp_path: Path, root: Path) -> None:
    for number in range(200):
        (root / f"{number}.txt").write_text(f"File number {number} is about topic{number}.")
    code = (
        "import sys; from pathlib import Path\n"
        "from autogpt_desktop.documents.index.index import Index\n"
        "from autogpt_desktop.documents.index.collection import Collection\n"
        "index = Index(Collection(Path(sys.argv[1]), '', (Path(sys.argv[2]),)))\n"
        "for event in index.index(): print(event, flush=True)"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "kept"), str(root)],
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])},
    )
    assert child.stdout
    for line in child.stdout:
        if b"done=40," in line:
            child.send_signal(signal.SIGKILL if os.name == "posix" else signal.SIGTERM)
            break
    child.stdout.close()
    child.wait()
    index = Index(Collection(tmp_path / "kept", "", (root,)))
    try:
        summary = run(index)
        assert summary.unchanged >= 40
        assert summary.added + summary.unchanged == 205
        assert names(index, "topic137") == ["137.txt"]
        assert not index.notices
    finally:
        index.close()


def test_two_programs_at_once_share_the_work(
    index: Index, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Index(index.collection)
    reads = iter(range(100))

    def read_after_the_other(
        path: Path, meanwhile: Progress, **options: Any
    ) -> Generator[Progress, None, Document]:
        if next(reads) == 0:
            run(other)
        return (yield from reading(path, meanwhile, **options))

    def embed_after_the_other(texts: Sequence[str]) -> np.ndarray:
        run(other, LETTERS)
        (root / "bees.txt").write_text("Bees are away.")
        run(other, LETTERS)
        return by_letters(texts)

    monkeypatch.setattr("autogpt_desktop.documents.index.index.reading", read_after_the_other)
    run(index, Embedder("letters", embed_after_the_other))
    assert sorted(entry.path.name for entry in index.files()) == sorted(TEXTS)
    assert len(index.matrix()) == 5
    assert names(index, "steel") == ["steel.txt"]
    vector = by_letters(["Steel is an alloy"])[0]
    (root / "steel.txt").unlink()
    run(other, LETTERS)
    assert "steel.txt" not in names(index, "bees", query_vector=vector), "the matrix is from before"
    other.close()


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="processes are started another way there")
def test_many_programs_begin_an_index_at_once(tmp_path: Path, root: Path) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from autogpt_desktop.documents.index.index import Index\n"
        "from autogpt_desktop.documents.index.collection import Collection\n"
        "sys.stdin.read()\n"
        "index = Index(Collection(Path(sys.argv[1]), '', (Path(sys.argv[2]),)), busy_ms=20000)\n"
        "list(index.index()); index.close()"
    )
    children = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path / "kept"), str(root)],
            stdin=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])},
        )
        for _ in range(3)
    ]
    for child in children:
        assert child.stdin
        child.stdin.close()
    assert [child.wait(60) for child in children] == [0, 0, 0]


@pytest.mark.parametrize("damage", ["noise", "newer", "foreign", "middle"])
def test_an_index_that_cannot_be_used_is_made_again(index: Index, damage: str) -> None:
    run(index)
    index.close()
    path = index.collection.database
    if damage == "noise":
        path.write_bytes(b"not a database at all" * 100)
    elif damage == "middle":
        data = bytearray(path.read_bytes())
        data[4096:] = b"\xa5" * (len(data) - 4096)
        path.write_bytes(data)
    else:
        with sqlite3.connect(path) as db:
            db.execute("PRAGMA user_version = 999" if damage == "newer" else "PRAGMA application_id = 7")
        db.close()
    again = index
    try:
        again = Index(index.collection)
        events = list(again.index())
    except KnownError as error:  # found out only when the damaged part was read
        assert error.key == "index-damaged"
        assert damage == "middle"
        again = Index(index.collection)
        events = list(again.index())
    try:
        told = [event for event in events if isinstance(event, Notice)]
        if damage != "middle":
            assert len(told) == 1
            assert "again" in i18n.message(told[0].key)
            assert path.with_name("index-old.db").exists()
        assert names(again, "首都") == ["城市.md"]
    finally:
        again.close()


def test_a_locked_index_and_a_folder_that_cannot_be_written(index: Index, tmp_path: Path) -> None:
    run(index)
    other = sqlite3.connect(index.collection.database, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(KnownError, match="index-locked"):
        Index(index.collection, busy_ms=50)
    other.execute("ROLLBACK")
    other.close()
    (tmp_path / "file").touch()
    with pytest.raises(KnownError, match="index-readonly"):
        Index(Collection(tmp_path / "file" / "x", "", ()))


def test_a_full_database_says_so(index: Index, root: Path) -> None:
    (root / "zzz.txt").write_text("\n\n".join(f"Paragraph {n} about topic{n}." for n in range(5000)))
    pages = index._db.execute("PRAGMA page_count").fetchone()[0]
    index._db.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(KnownError, match="disk-full"):
        run(index)
    index._db.execute("PRAGMA max_page_count = 100000")
    assert run(index).unchanged == 2
    assert names(index, "topic4321") == ["zzz.txt"]


def test_a_drive_that_is_away_takes_nothing_out(tmp_path: Path) -> None:
    drive = tmp_path / "drive" / "papers"
    drive.mkdir(parents=True)
    (drive / "a.txt").write_text("Otters hold hands.")
    index = Index(Collection(tmp_path / "kept", "", (drive,)))
    run(index)
    (tmp_path / "drive").rename(tmp_path / "unplugged")
    run(index)
    assert names(index, "otters") == ["a.txt"]
    (tmp_path / "unplugged").rename(tmp_path / "drive")
    shutil.rmtree(drive)
    assert run(index).removed == 1
    assert names(index, "otters") == []
    index.close()


@pytest.mark.skipif(sys.platform != "linux", reason="other systems know no such names")
def test_names_that_are_no_text(index: Index, root: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(root) + b"/\xff\xfe.txt"))
    path.write_text("Walrus.")
    run(index)
    assert index.search("walrus")[0].passage.path == path
    assert index.state(path).state == "same"


@pytest.mark.slow
def test_many_passages_are_searched_fast(index: Index) -> None:
    from autogpt_desktop.documents.index.vectors import Matrix, pack

    random = np.random.default_rng(0)
    vectors = random.standard_normal((20_000, 384), np.float32)
    matrix = Matrix(((n, pack(vector)) for n, vector in enumerate(vectors)), len(vectors))
    start = time.perf_counter()
    assert matrix.scores(vectors[777]).best()[0] == 777
    assert time.perf_counter() - start < 1


def test_collections_are_kept(tmp_path: Path, root: Path) -> None:
    store = Collections(tmp_path / "collections")
    made = store.create(" Papers ", [root, root])
    assert (made.name, made.roots) == ("Papers", (root,))
    other = store.create("Äpfel", [])
    assert [item.name for item in Collections(tmp_path / "collections").all()] == ["Papers", "Äpfel"]
    renamed = store.rename(made, "Books")
    assert store.get(made.id) == store.get("Books") == renamed
    assert store.set_roots(renamed, [tmp_path]).roots == (tmp_path,)
    (other.folder / "collection.json").write_text("{")
    assert [item.id for item in store.all()] == [made.id]
    store.remove(renamed)
    store.remove(renamed)
    with pytest.raises(KnownError, match="collection-missing"):
        store.get("Books")
    assert root.exists()
    assert collection_of([root]) == collection_of([root, root]) != collection_of([tmp_path])


def test_what_is_left_of_a_removal_goes_and_somebody_elses_files_stay(tmp_path: Path) -> None:
    """A folder without a description may be anybody's; a link leads anywhere."""
    collections = Collections(tmp_path / "collections")
    left, foreign, work = (tmp_path / "collections" / name for name in ("left", "foreign", "work"))
    for folder in (left, foreign):
        folder.mkdir(parents=True)
        (folder / "index.db").touch()
        (folder / "index.db-wal").touch()
    (foreign / "thesis.txt").write_text("years of work")
    (tmp_path / "index of my work.txt").touch()
    work.symlink_to(tmp_path, target_is_directory=True)
    collections.sweep()
    assert not left.exists()
    assert not work.is_symlink()
    assert [path.name for path in foreign.iterdir()] == ["thesis.txt"]
    assert (tmp_path / "index of my work.txt").exists()


def test_files_are_read_again_when_the_readers_have_changed(
    index: Index, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(index, LETTERS).added == len(TEXTS)
    assert run(index).unchanged == len(TEXTS)
    module = "autogpt_desktop.documents.index.index"
    monkeypatch.setattr(f"{module}.READERS", "next")
    seen = []

    def read_otherwise(path: Path, *arguments: Any, **more: Any) -> Generator[Any, None, Document]:
        document = yield from reading(path, *arguments, **more)
        seen.append(path.name)
        text = document.text + " More." if path.name == "steel.txt" else document.text
        return dataclasses.replace(document, text=text)

    monkeypatch.setattr(f"{module}.reading", read_otherwise)
    assert run(index) == Summary(changed=1, unchanged=len(TEXTS) - 1)
    assert len(index.matrix()) == len(TEXTS) - 1  # what reads as before keeps its vectors
    assert sorted(seen) == sorted(TEXTS)
    assert run(index).unchanged == len(TEXTS)
    assert len(seen) == len(TEXTS)
