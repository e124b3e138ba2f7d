"""Which model plays which role."""

from __future__ import annotations

from pathlib import Path

import pytest

from autogpt_desktop import paths
from autogpt_desktop.catalog.entries import catalog
from autogpt_desktop.catalog.installed import InstalledModel
from autogpt_desktop.catalog.roles import candidates, made_for, missing, offered, resolve_role
from autogpt_desktop.errors import KnownError
from autogpt_desktop.runtime import resolver
from autogpt_desktop.settings import ROLES, Settings
from tests.tiny import write_tiny_gguf

STARTER, GEMMA, MINILM = "smollm2-135m-instruct", "gemma-3-270m", "all-minilm-l6-v2"
BETTER = "qwen2.5-coder-1.5b-instruct"


def model(name: str, kind: str = "decoder", problem: str | None = None) -> InstalledModel:
    path = Path(name)
    return InstalledModel(name, name.upper(), path, 1, "f", ("en",), 1, "Q", problem=problem, kind=kind)


ENCODERS = [model(MINILM, "embedding"), model("qa", "question_answering")]
ALL = [model("mine"), model(GEMMA), model(STARTER), *ENCODERS]


@pytest.mark.parametrize(
    ("installed", "wanted"),
    [
        (ALL, [STARTER, GEMMA, GEMMA, MINILM, GEMMA]),
        (ALL[:1], ["mine", "mine", "mine", None, "mine"]),
        (ENCODERS, [None, None, None, MINILM, None]),
        ([model(GEMMA)], [GEMMA] * 3 + [None, GEMMA]),
        ([model("mine"), model(GEMMA, problem="model-damaged")], ["mine"] * 3 + [None, "mine"]),
        ([*ALL, model(BETTER)], [BETTER, BETTER, BETTER, MINILM, GEMMA]),
        ([model(STARTER), model(BETTER)], [BETTER, BETTER, BETTER, None, BETTER]),
        ([], [None] * 5),
    ],
)
def test_without_a_choice(installed: list[InstalledModel], wanted: list[str | None]) -> None:
    assert [resolve_role(role, Settings(), installed) for role in ROLES] == wanted


def test_the_choice_comes_first_while_it_can_play() -> None:
    settings = Settings(default_model="mine", roles={"translate": STARTER, "answer": "gone", "embed": "mine"})
    assert [resolve_role(role, settings, ALL) for role in ROLES] == ["mine", STARTER, GEMMA, MINILM, GEMMA]
    assert resolve_role("translate", Settings(default_model="mine"), ALL[:1]) == "mine"


def test_candidates_are_of_the_kind_that_a_role_needs() -> None:
    assert [each.name for each in candidates("embed", ALL)] == [MINILM]
    assert [each.name for each in candidates("chat", ALL)] == ["mine", GEMMA, STARTER]
    every = [*ALL, model("stars", "classification")]
    assert [each.name for each in candidates("answer", every)] == ["mine", GEMMA, STARTER, "qa"]
    assert [each.name for each in candidates("sentiment", every)] == ["mine", GEMMA, STARTER, "stars"]
    assert [each.name for each in candidates("translate", every)] == ["mine", GEMMA, STARTER]
    chosen = Settings(roles={"answer": "qa", "sentiment": "stars", "translate": "qa"})
    assert [resolve_role(role, chosen, every) for role in ROLES] == [STARTER, GEMMA, "qa", MINILM, "stars"]


def test_every_role_has_a_model_in_the_catalog() -> None:
    assert [made_for(role)[0].name for role in ROLES] == [STARTER, GEMMA, GEMMA, MINILM, GEMMA]
    assert {role for entry in catalog().values() for role in entry.roles} == set(ROLES)


def test_what_is_missing_is_named() -> None:
    assert missing("chat").key == "no-model"
    error = missing("embed")
    assert error.key == "no-model-for-role"
    assert error.values["name"] == MINILM


def test_a_resolver_takes_roles_names_and_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "model_dirs", lambda: [paths.models_dir()])
    path = resolver(Settings())
    with pytest.raises(KnownError) as error:
        path("chat")
    assert error.value.key == "no-model"
    with pytest.raises(KnownError) as error:
        path("embed")
    assert error.value.key == "no-model-for-role"
    for name in ("one", "two"):
        write_tiny_gguf(paths.models_dir() / f"{name}.gguf")
    other = tmp_path / "other.gguf"
    write_tiny_gguf(other)
    settings = Settings(default_model="two", roles={"answer": "one"})
    path = resolver(settings, {"translate": str(other), "chat": "autogpt"})
    found = [path(role).stem for role in ("chat", "", "autogpt", "translate", "answer", "sentiment", "one")]
    assert found == ["two", "two", "two", "other", "one", "two", "one"]
    with pytest.raises(KnownError) as error:
        path("nothing")
    assert error.value.key == "model-missing"


def test_who_reads_other_languages_is_offered_a_model_that_knows_them() -> None:
    assert offered("embed", ["en"]).name == "all-minilm-l6-v2"
    assert offered("embed", ["zh", "en"]).name == "multilingual-e5-small"
    assert offered("embed", ["fr"]).name == "multilingual-e5-small"
    assert offered("embed", ["xx"]).name == "all-minilm-l6-v2", "none knows it"
    assert offered("chat", ["zh"]) == made_for("chat")[0]
