"""Models that were trained here stand among the installed ones, and can become the default."""

from __future__ import annotations

from pathlib import Path

import pytest

from autogpt_desktop import auto
from autogpt_desktop.catalog import installed
from autogpt_desktop.catalog.trained import trained_models
from autogpt_desktop.lab.runs import folder as runs
from autogpt_desktop.lab.runs.spec import DataSpec, RunSpec
from autogpt_desktop.settings import Settings
from tests.lab.export.test_folder import make


def trained(name: str, folder: Path | None = None) -> runs.Run:
    run = runs.create(RunSpec("new", DataSpec(("x",)), 5, name=name), folder)
    make(run.folder / "result")
    return run


def test_a_result_is_an_installed_model(tmp_path: Path) -> None:
    runs.create(RunSpec("new", DataSpec(("x",)), 5, name="waits"))
    run, other = trained("My words"), trained("Elsewhere", tmp_path / "there")
    models = {model.name: model for model in installed.installed() if model.trained}
    assert set(models) == {run.id, other.id}
    model = models[run.id]
    assert (model.title, model.problem, model.kind, model.context) == ("My words", None, "decoder", 128)
    assert model.size > 10_000
    assert installed.resolve(run.id) == model.path
    Settings(default_model=run.id, path=Settings.load().path).save()
    assert auto.resolve("autogpt") == model.path
    runs.rename(run, "Other words")
    assert installed.find(run.id).title == "Other words"  # type: ignore[union-attr]


def test_removing_the_model_leaves_its_run_and_what_is_not_ours() -> None:
    run = trained("My words")
    (run.folder / "result" / "notes.txt").write_text("mine")
    installed.remove(run.id)
    assert [path.name for path in (run.folder / "result").iterdir()] == ["notes.txt"]
    assert runs.again(run).result is None
    assert trained_models() == []


def test_a_deleted_run_is_no_model() -> None:
    run = trained("My words")
    deleted = runs.delete(run)
    assert trained_models() == []
    runs.restore(deleted)
    assert [model.id for model in trained_models()] == [run.id]


@pytest.mark.parametrize("text", ["", "[]", '{"name": 5}', '{"folders": ["a\\u0000b", 5]}', "[" * 99_999])
def test_damaged_descriptions_are_passed_over(text: str) -> None:
    run = trained("My words")
    (run.folder / "run.json").write_text(text)
    (run.folder.parent / "elsewhere.json").write_text(text)
    assert trained_models() == []
