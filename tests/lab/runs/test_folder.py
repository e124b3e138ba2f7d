"""The folders of runs: made, found, renamed, deleted and put back; what is not ours stays."""

from __future__ import annotations

import json
import os
import stat
import time
from dataclasses import replace
from pathlib import Path

import pytest

from autogpt_desktop import paths
from autogpt_desktop.errors import KnownError
from autogpt_desktop.lab.runs import folder as runs
from autogpt_desktop.lab.runs.events import Checkpoint, Event, Failed, Finished, Stage
from autogpt_desktop.lab.runs.log import LogWriter
from autogpt_desktop.lab.runs.spec import DataSpec, RunSpec, from_values, to_values

SPEC = RunSpec("new", DataSpec(("/texts/My Bible.txt",)), minutes=5, options={"vocab_size": 512})


def add(run: runs.Run, *events: Event) -> runs.Run:
    writer = LogWriter(run.log)
    for event in events:
        writer.write(1.0, event)
    writer.close()
    return runs.again(run)


def test_a_new_run_waits_and_is_found_by_path_id_and_name() -> None:
    run = runs.create(SPEC)
    assert (run.name, run.state, run.folder.parent) == ("My Bible", "waiting", paths.training_dir())
    assert run.id.startswith("my-bible-")
    assert runs.all_runs() == [run]
    for wanted in (run.id, run.name, str(run.folder), str(run.folder / "result")):
        assert runs.find(wanted) == run
    assert runs.find(run.id).spec == replace(SPEC, name="My Bible")


def test_a_run_is_private() -> None:
    run = runs.create(SPEC)
    add(run, Stage("stage.lab-reading"))
    with run.lock():
        run.request_stop()
        if os.name == "posix":
            assert stat.S_IMODE(run.folder.stat().st_mode) == 0o700
            assert {stat.S_IMODE(file.stat().st_mode) for file in run.folder.iterdir()} == {0o600}


def test_a_finished_run_is_given_more_time() -> None:
    run = add(runs.create(SPEC), Finished("time", "result", 2.0))
    assert (run.state, run.can_resume, run.has_more) == ("finished", False, False)
    more = runs.extend(run, 3)
    assert (more.state, more.can_resume, more.has_more) == ("stopped", True, True)
    assert more.spec == replace(run.spec, minutes=3 + run.seconds / 60)
    more.begin_more()
    more.begin_more()
    assert runs.again(run).state == "finished"
    steps = add(runs.create(replace(SPEC, options={"max_steps": 9, "rank": 4})), Finished("time", "result"))
    assert runs.extend(steps, 3).spec.options == {"rank": 4}, "the clock counts from now on"
    head = add(runs.create(replace(SPEC, kind="head")), Finished("converged", "result"))
    with pytest.raises(KnownError) as caught:
        runs.extend(head, 3)
    assert caught.value.key == "run-cannot-extend"
    with run.lock(), pytest.raises(KnownError) as caught:
        runs.extend(run, 3)
    assert caught.value.key == "run-is-running"


def test_ids_are_given_once_and_equal_names_are_told_apart() -> None:
    made = [runs.create(SPEC) for _ in range(20)]
    assert len({run.id for run in made}) == 20
    with pytest.raises(KnownError) as caught:
        runs.find("My Bible")
    assert caught.value.key == "run-ambiguous"


def test_a_copied_folder_is_a_run_of_its_own() -> None:
    import shutil

    run = runs.create(SPEC)
    shutil.copytree(run.folder, run.folder.with_name("copy"))
    assert {one.id for one in runs.all_runs()} == {run.id, "copy"}


def test_names_have_one_line() -> None:
    run = runs.rename(runs.create(replace(SPEC, name=" a\nb\x1b[31m ")), "  ")
    assert run.name == "a b [31m"
    assert runs.rename(run, "中文\t名").name == "中文 名"
    assert runs.find("中文 名").id == run.id


@pytest.mark.slow
@pytest.mark.parametrize(
    ("event", "state"),
    [
        (Finished("time", "result"), "finished"),
        (Finished("stopped", "result"), "stopped"),
        (Failed("run-disk-full", {"name": "x"}), "failed"),
        (Checkpoint(7), "interrupted"),
    ],
)
def test_the_state_follows_from_the_log_and_the_lock(event: Event, state: str) -> None:
    run = add(runs.create(SPEC), Checkpoint(5), event)
    assert (run.state, run.seconds) == (state, 1.0)
    assert run.can_resume == (state != "finished")
    with run.lock():
        assert runs.again(run).state == "running"
        with pytest.raises(KnownError, match="run-is-running"), run.lock():
            pass
        with pytest.raises(KnownError, match="run-is-running"):
            runs.delete(run)
    assert runs.again(run).state == state
    if state == "failed":
        assert run.error is not None
        assert run.error.key == "run-disk-full"


def test_a_deleted_run_can_be_put_back() -> None:
    run = runs.create(SPEC)
    deleted = runs.delete(run)
    assert runs.all_runs() == []
    assert runs.all_runs(deleted=True) == [deleted]
    with pytest.raises(KnownError, match="run-missing"):
        runs.find(run.id)
    assert runs.restore(deleted) == run
    runs.sweep(time.time() + 30 * 86_400)
    assert runs.all_runs() == [run]


def test_deleting_for_good_leaves_what_is_not_ours(tmp_path: Path) -> None:
    run = runs.create(SPEC)
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "kept.txt").write_text("kept")
    for name in (
        "data/train.npy",
        "checkpoint-7/model.safetensors",
        "result/config.json",
        "result/my notes.txt",
    ):
        file = run.folder / name
        file.parent.mkdir(exist_ok=True)
        file.write_text("x")
    (run.folder / "notes").mkdir()
    (run.folder / "notes" / "a.txt").write_text("mine")
    (run.folder / "data" / "link").symlink_to(foreign, target_is_directory=True)
    (run.folder / "checkpoint-link").symlink_to(foreign, target_is_directory=True)
    runs.delete(run)
    runs.sweep(time.time() + 6 * 86_400)
    assert runs.all_runs(deleted=True)
    runs.sweep(time.time() + 8 * 86_400)
    left = {path.relative_to(run.folder).as_posix() for path in run.folder.rglob("*") if not path.is_dir()}
    assert left == {"result/my notes.txt", "notes/a.txt"} | (left & {"checkpoint-link"})
    assert (foreign / "kept.txt").read_text() == "kept"
    assert runs.all_runs(deleted=True) == []


def test_a_run_elsewhere_is_listed_and_its_folder_must_be_new(tmp_path: Path) -> None:
    run = runs.create(SPEC, tmp_path / "mine")
    assert run.folder == tmp_path / "mine"
    assert runs.all_runs() == [run]
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("mine")
    for taken in ("full", "mine", "full/thesis.txt"):
        with pytest.raises(KnownError, match="run-folder-taken"):
            runs.create(SPEC, tmp_path / taken)
    runs.delete_for_good(run)
    assert not run.folder.exists()
    assert runs.all_runs() == []


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", '{"name": "a"}', "[" * 100_000, '{"name": 1, "created": "x", "spec": {}}'],
)
def test_damaged_descriptions_are_left_out_and_left_alone(text: str) -> None:
    run = runs.create(SPEC)
    (run.folder / "run.json").write_text(text)
    assert runs.all_runs() == []
    assert (run.folder / "run.json").read_text() == text


def test_a_spec_survives_json_and_a_later_versions_fields() -> None:
    values = json.loads(json.dumps(to_values(SPEC)))
    assert from_values(values) == SPEC
    assert from_values(values | {"later": 1}) == SPEC
    for wrong in (
        {"minutes": "x"},
        {"minutes": float("nan")},
        {"kind": "other"},
        {"options": []},
        {"name": 3},
    ):
        with pytest.raises((ValueError, TypeError)):
            from_values(values | wrong)
