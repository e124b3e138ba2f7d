"""A head with six labels from 50 examples each, beside logistic regression on TF-IDF in scikit-learn.

The texts are XQuAD's English questions, the labels the fields that their articles are of.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from autogpt_desktop.catalog.installed import installed
from autogpt_desktop.engine.formats.head_file import read_head
from autogpt_desktop.engine.text_head import with_head
from autogpt_desktop.errors import KnownError
from autogpt_desktop.lab.adapt.head import RESULT, HeadBase, open_engine, train_head
from autogpt_desktop.lab.runs.events import Trial
from autogpt_desktop.lab.runs.spec import DataSpec, RunSpec

_EACH = 50
_FIELDS = {
    "places": (
        *("Warsaw", "Southern_California", "Victoria_(Australia)"),
        *("Fresno,_California", "Newcastle_upon_Tyne"),
    ),
    "history": ("Normans", "Martin_Luther", "Huguenot", "Black_Death"),
    "nature": ("Oxygen", "Geology", "Amazon_rainforest", "Ctenophora"),
    "technology": (
        *("Nikola_Tesla", "Steam_engine", "Apollo_program", "Packet_switching"),
        "Computational_complexity_theory",
    ),
    "society": ("Teacher", "European_Union_law", "1973_oil_crisis"),
    "media": ("Super_Bowl_50", "Sky_(United_Kingdom)", "Victoria_and_Albert_Museum"),
}  # fmt: skip


def questions(data: Path) -> tuple[list[str], list[str]]:
    """(texts, labels) of XQuAD in ``data``/xquad/en.json. Raises KnownError("bench-data")."""
    try:
        articles = json.loads((data / "xquad" / "en.json").read_text(encoding="utf-8"))["data"]
    except (OSError, ValueError, KeyError) as error:
        raise KnownError("bench-data", folder=str(data)) from error
    field_of = {title: field for field, titles in _FIELDS.items() for title in titles}
    found = [
        (question["question"].strip(), field_of[article["title"]])
        for article in articles
        if article["title"] in field_of
        for paragraph in article["paragraphs"]
        for question in paragraph["qas"]
    ]
    return [text for text, _ in found], [label for _, label in found]


def measure_head(data: Path, minutes: float, seed: int) -> dict[str, Any]:
    """Mean accuracy of the labels on the questions that were not learned from, and the time it took."""
    texts, labels = (np.array(part, object) for part in questions(data))
    random = np.random.default_rng(seed)
    members = [random.permutation(np.flatnonzero(labels == label)) for label in _FIELDS]
    train = np.concatenate([each[:_EACH] for each in members])
    test = np.concatenate([each[_EACH:] for each in members])
    bases = head_bases()
    figures: dict[str, Any] = {"texts": len(train), "asked": len(test)}
    with tempfile.TemporaryDirectory(prefix="autogpt-desktop-bench-") as folder:
        begun = time.monotonic()
        spec = RunSpec("head", DataSpec(()), minutes, name="fields", task="classify", seed=seed)
        events = list(
            train_head(spec, list(zip(texts[train], labels[train], strict=True)), [], bases, Path(folder))
        )
        figures["seconds"] = time.monotonic() - begun
        figures["tried"] = sum(isinstance(event, Trial) for event in events)
        head = read_head(Path(folder) / RESULT)
        figures |= {"base": head.base.name, "layers": " ".join(map(str, head.layers))}
        base = next(one for one in bases if one.name == head.base.name)
        engine = with_head(Path(folder) / RESULT, open_engine(base))
        said = [""] * len(test)
        for step in engine.classify(list(texts[test])):
            if isinstance(step, tuple):
                said[step[0]] = engine.labels[int(step[1].argmax())]
        engine.close()
    figures["accuracy"] = _mean_accuracy(said, labels[test])
    figures["by_itself"] = head.report["accuracy"]
    peer = _tf_idf(texts[train], labels[train], texts[test])
    if peer is not None:
        figures |= {f"tf_idf {name}": _mean_accuracy(found, labels[test]) for name, found in peer.items()}
    return figures


def head_bases() -> list[HeadBase]:
    """The installed models that may carry a head, embedding models first, small ones before large ones."""
    models = [one for one in installed() if not one.problem and one.kind in ("embedding", "decoder")]
    models = [one for one in models if not one.base]
    models.sort(key=lambda one: (one.kind != "embedding", one.size))
    return [HeadBase(one.name, one.path) for one in models]


def _mean_accuracy(said: Sequence[str], right: Sequence[str]) -> float:
    found = [np.mean([one == label for one, other in zip(said, right, strict=True) if other == label])
             for label in _FIELDS]  # fmt: skip
    return float(np.mean([share for share, label in zip(found, _FIELDS, strict=True)]))


def _tf_idf(train: Any, labels: Any, test: Any) -> dict[str, list[str]] | None:
    """What the peer says, plain and with its strength cross-validated; None: it is not here."""
    try:
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.linear_model import LogisticRegression
        from sklearn.model_selection import GridSearchCV
        from sklearn.pipeline import make_pipeline
    except ImportError:
        return None
    plain = make_pipeline(TfidfVectorizer(), LogisticRegression(max_iter=1000))
    grid = {
        "tfidfvectorizer__ngram_range": [(1, 1), (1, 2)],
        "tfidfvectorizer__stop_words": [None, "english"],
        "logisticregression__C": [1, 10, 100],
    }
    tuned = GridSearchCV(plain, grid, cv=5)
    return {
        name: list(one.fit(train, labels).predict(test)) for name, one in (("plain", plain), ("tuned", tuned))
    }
