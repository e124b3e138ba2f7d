"""Heads with the user's own labels: what they learn from, what they say, and where they are used."""

from __future__ import annotations

import json
import random
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from autogpt_desktop import paths
from autogpt_desktop.catalog import installed
from autogpt_desktop.cli.main import main
from autogpt_desktop.documents.tables import read_table
from autogpt_desktop.engine.formats.head_file import read_head
from autogpt_desktop.engine.load import run_to_end
from autogpt_desktop.engine.model_pool import ModelPool
from autogpt_desktop.engine.text_head import HeadEngine
from autogpt_desktop.errors import KnownError
from autogpt_desktop.lab.adapt.head import RESULT, HeadBase, clean, measure, train_head
from autogpt_desktop.lab.adapt.logistic import fit, stratified_folds
from autogpt_desktop.lab.runs.events import Eval, Event, Finished, Notice, Trial
from autogpt_desktop.lab.runs.spec import DataSpec, RunSpec
from autogpt_desktop.tasks.sentiment.own_labels import HeadJudge, head_judge, label_texts
from autogpt_desktop.tasks.sentiment.table import RunState, TableRun
from tests.engine.tiny_folders import WORDS, write_encoder
from tests.lab.adapt.kit import ticks, tiny_base

LABELS = ("bill", "praise", "fault")


def texts_of(count: int) -> tuple[list[str], list[str]]:
    """Each label has words of its own among common ones."""
    chooser = random.Random(1)
    words = list(WORDS)
    own = {label: words[at * 2 : at * 2 + 2] for at, label in enumerate(LABELS)}
    common = words[6:]
    texts, labels = [], []
    for at in range(count):
        label = LABELS[at % 3]
        picked = [chooser.choice(own[label]), chooser.choice(own[label]), *chooser.choices(common, k=3)]
        chooser.shuffle(picked)
        texts.append(" ".join([*picked, str(at)]))
        labels.append(label)
    return texts, labels


def examples(count: int) -> list[tuple[str, str]]:
    return list(zip(*texts_of(count), strict=True))


def trained(bases: list[HeadBase], folder: Path, count: int = 90) -> list[Event]:
    spec = RunSpec("head", DataSpec(()), 1.0, name="mine", task="classify")
    return list(train_head(spec, examples(count), [], bases, folder, clock=ticks(0.01)))


@pytest.mark.slow
def test_logistic_regression_is_at_the_least_of_its_loss() -> None:
    generator = np.random.default_rng(0)
    centers = generator.normal(0, 2, (3, 5))
    labels = np.repeat(np.arange(3), 40)
    x = (centers[labels] + generator.normal(0, 1, (120, 5))).astype(np.float32)
    found = fit(x, labels, 3)
    assert found.accuracy > 0.8
    assert (found.logits(x).argmax(1) == labels).mean() > 0.85
    shares = np.exp(found.logits(x))
    shares /= shares.sum(1, keepdims=True)
    sure = shares.max(1)
    assert abs(sure.mean() - (shares.argmax(1) == labels).mean()) < 0.1  # calibrated
    nothing = fit(generator.normal(0, 1, (120, 5)).astype(np.float32), labels, 3)
    assert nothing.loss > 0.9  # noise stays near chance, ln 3, and is not trusted


@pytest.mark.slow
def test_rare_classes_count_as_much_as_frequent_ones() -> None:
    generator = np.random.default_rng(0)
    labels = np.array([0] * 180 + [1] * 20)
    x = (labels[:, None] * 1.2 + generator.normal(0, 1, (200, 1))).astype(np.float32)
    said = fit(x, labels, 2).logits(x).argmax(1)
    assert (said[labels == 1] == 1).mean() > 0.5


def test_every_class_is_in_every_fold() -> None:
    labels = np.array([0] * 50 + [1] * 7 + [2] * 13)
    folds = stratified_folds(labels, 5, 0)
    for one in range(3):
        assert set(folds[labels == one]) == set(range(5))
    assert max(np.bincount(folds)) - min(np.bincount(folds)) <= 3


@pytest.mark.slow
def test_the_head_is_loaded_with_its_base_and_labels_a_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paths, "model_dirs", lambda: [paths.models_dir()])
    write_encoder(paths.models_dir() / "encoder", "bert")
    bases = [HeadBase("encoder", paths.models_dir() / "encoder"), HeadBase("base", tiny_base(tmp_path))]
    events = trained(bases, tmp_path / "run")
    trials = [one for one in events if isinstance(one, Trial)]
    assert {one.shape["model"] for one in trials} == {"encoder", "base"}
    (told,) = [one for one in events if isinstance(one, Eval)]
    assert told.accuracy is not None
    assert told.accuracy > 0.6
    assert isinstance(events[-1], Finished)
    head = read_head(tmp_path / "run" / RESULT)
    assert head.labels == tuple(sorted(LABELS))
    assert sum(map(sum, head.report["confusion"])) == head.report["held_out"] == 18
    best = min(trials, key=lambda one: one.loss)
    assert (head.base.name, list(head.layers)) == (best.shape["model"], best.shape["layers"])

    shutil.copytree(tmp_path / "run" / RESULT, paths.models_dir() / "mine")
    shutil.copy(tmp_path / "base.gguf", paths.models_dir() / "base.gguf")
    model = installed.find("mine")
    assert model is not None
    assert (model.kind, model.problem) == ("labels", None)
    assert model.title.startswith("mine on ")
    pool = ModelPool(installed.resolve, "cpu")
    engine = run_to_end(pool.get("mine"))
    assert isinstance(engine, HeadEngine)
    texts, labels = texts_of(30)
    found = run_to_end(label_texts(engine, [*texts, "", " ".join(texts[0].split()[:-1] * 80)]))
    assert sum(one.label == right for one, right in zip(found, labels, strict=False)) > 20
    assert (found[30].label, found[30].shares) == ("", ())
    assert sum(found[0].shares) == pytest.approx(1)
    assert found[31].label == labels[0]  # read in windows

    table = tmp_path / "table.csv"
    table.write_text("id,text\n" + "".join(f"{at},{text}\n" for at, text in enumerate(texts)))
    run = TableRun(read_table(table), "text", tmp_path / "runs", judge=head_judge("mine", sorted(LABELS)))
    list(run.run(pool))
    assert run.export(tmp_path / "out.csv") == 30
    run.close()
    lines = (tmp_path / "out.csv").read_text(encoding="utf-8-sig").splitlines()
    assert lines[0] == "id,text,label,probability,bill,fault,praise"
    assert [line.split(",")[2] for line in lines[1:]] == [one.label for one in found[:30]]

    again = TableRun(read_table(table), "text", tmp_path / "runs", judge=head_judge("mine"))
    monkeypatch.setattr(HeadEngine, "classify", lambda *_: iter(()))  # nothing is asked again
    state = [event for event in again.run(pool) if isinstance(event, RunState)][-1]
    assert (sum(state.labels.values()), state.computed) == (30, 0)
    assert [one.label for _, one in again.rows()] == [one.label for one in found[:30]]
    again.close()
    assert HeadJudge(engine).key != HeadJudge(replace(engine, head=replace(head, bias=head.bias + 1))).key
    with pytest.raises(KnownError) as caught:
        run_to_end(head_judge("mine", ("x", "y"))(pool, None, lambda: False))
    assert caught.value.key == "sentiment-other-model"
    with pytest.raises(KnownError) as caught:
        run_to_end(pool.get("sentiment-of-nobody"))
    assert caught.value.key == "model-missing"
    pool.unload()


@pytest.mark.slow
def test_the_terminal_answers_with_the_users_labels(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trained([HeadBase("base", tiny_base(tmp_path))], tmp_path / "run")
    head = str(tmp_path / "run" / RESULT)
    texts, _ = texts_of(3)
    lines, table, out = (tmp_path / name for name in ("lines.txt", "table.csv", "out.csv"))
    lines.write_text("\n".join(texts) + "\n")
    table.write_text("words\n" + "\n".join(texts) + "\n")
    assert main(["sentiment", str(lines), "--json", "--model", head, "--device", "cpu"]) == 0
    said = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [one["text"] for one in said] == texts
    assert all(one["label"] in LABELS and set(one["shares"]) == set(LABELS) for one in said)
    arguments = ["--column", "words", "--out", str(out), "--model", head, "--device", "cpu"]
    assert main(["sentiment", str(table), *arguments]) == 0
    rows = out.read_text(encoding="utf-8-sig").splitlines()
    assert [row.split(",")[1] for row in rows[1:]] == [one["label"] for one in said]
    capsys.readouterr()
    grouped = ["sentiment", str(table), "--column", "words", "--group-by", "words", "--json", *arguments[4:]]
    assert main(grouped) == 0
    groups = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {one["group"]: one["texts"] for one in groups} == dict.fromkeys(texts, 1)
    assert all(sum(one[label] for label in LABELS) == 1 for one in groups)
    assert main(["sentiment", str(table), *arguments, "--two-way"]) != 0
    assert "labels of your own" in capsys.readouterr().err


def test_what_cannot_be_learned_is_said() -> None:
    for texts, labels, key in (
        (["a", "b"], ["x", "y"], "lab-head-too-few"),  # two classes with one example each
        (["a", "b", "c"], ["x", "x", "x"], "lab-head-one-label"),
        ([], [], "lab-head-one-label"),
        (["", " "], ["x", "y"], "lab-head-one-label"),
        ([f"t{at}" for at in range(900)], [f"l{at}" for at in range(900)], "lab-head-many-labels"),
        (["same"] * 20 + ["b"] * 20, ["x", "y"] * 20, "lab-head-one-label"),
    ):
        with pytest.raises(KnownError) as caught:
            clean(list(zip(texts, labels, strict=True)))
        assert caught.value.key == key


@pytest.mark.slow
def test_copies_empty_rows_and_texts_of_two_labels_are_left_out(tmp_path: Path) -> None:
    found = clean([*examples(30), examples(1)[0], ("", "bill"), ("both", "bill"), ("both", "fault")])
    assert (len(found.texts), found.copies, found.empty, found.unclear) == (30, 2, 1, 1)
    spec = RunSpec("head", DataSpec(()), 1.0)
    events = train_head(
        spec, examples(30), [("", "x"), *examples(3)], [HeadBase("b", tiny_base(tmp_path))], tmp_path
    )
    assert [one.values for one in events if isinstance(one, Notice)] == [{"count": 1}]


def test_figures_of_held_out_examples() -> None:
    logits = np.log(np.array([[0.8, 0.2], [0.6, 0.4], [0.3, 0.7]], np.float32))
    found = measure(logits, np.array([0, 1, 1]), ("a", "b"))
    assert found["confusion"] == [[1, 0], [1, 1]]
    assert found["classes"]["a"] == {"precision": 0.5, "recall": 1.0, "f1": 0.6667, "count": 1}
    assert found["accuracy"] == pytest.approx(2 / 3, abs=1e-4)
    sure = measure(np.array([[50.0, 0.0], [0.0, 50.0]], np.float32), np.array([0, 1]), ("a", "b"))
    assert str(sure["loss"]) == "0.0", "no −0"


@pytest.mark.slow
def test_a_damaged_head_is_named(tmp_path: Path) -> None:
    trained([HeadBase("base", tiny_base(tmp_path))], tmp_path / "run")
    file = tmp_path / "run" / RESULT / "head.json"
    for text in ("{", "[]", file.read_text().replace('"layers": [', '"layers": [0, ')):
        file.write_text(text)
        with pytest.raises(KnownError) as caught:
            read_head(file.parent)
        assert caught.value.key == "head-damaged"
