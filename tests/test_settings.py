"""Settings survive crashes, damage, older and newer versions."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path

import pytest

from autogpt_desktop.engine.config import Sampling
from autogpt_desktop.errors import KnownError
from autogpt_desktop.i18n import set_language
from autogpt_desktop.settings import Settings, built_in_presets, preset_title


@pytest.fixture
def path(tmp_path):
    return tmp_path / "config" / "settings.json"


def test_defaults_without_a_file(path):
    settings = Settings.load(path)
    assert settings == Settings()
    assert settings.set_aside is None
    assert (settings.theme, settings.zoom, settings.device, settings.send_with_enter) == (
        "system", 1.0, "auto", True,
    )  # fmt: skip
    assert [preset["name"] for preset in settings.presets] == [
        "Balanced", "Precise", "Creative", "Deterministic",
    ]  # fmt: skip
    assert not path.exists()


def test_round_trip_with_chinese_and_a_newer_versions_keys(path):
    settings = Settings.load(path)
    settings.language, settings.zoom, settings.last_conversation = "zh_CN", 1.5, 12
    settings.presets.append({"name": "诗人", "system_prompt": "你是诗人。", "sampling": {"temperature": 1.2}})
    settings.extra = {"columns": {"left": ["chat"]}}
    settings.save()
    again = Settings.load(path)
    assert again.language == "zh_CN"
    assert again.zoom == 1.5
    assert again.last_conversation == 12
    assert again.preset("诗人")["system_prompt"] == "你是诗人。"
    assert again.preset("诗人")["sampling"]["top_k"] == 40  # what a preset leaves out is filled in
    assert again.preset("no such")["name"] == "Balanced"
    again.save()
    assert json.loads(path.read_text(encoding="utf-8"))["columns"] == {"left": ["chat"]}
    assert [item.name for item in path.parent.iterdir()] == ["settings.json"]


def test_presets_are_samplings_and_each_load_gets_its_own():
    names = {item.name for item in fields(Sampling)}
    for preset in built_in_presets():
        assert set(preset["sampling"]) == names
        Sampling(**{**preset["sampling"], "stop": tuple(preset["sampling"]["stop"])})
    assert built_in_presets()[3]["sampling"]["temperature"] == 0
    one, two = Settings(), Settings()
    one.presets[0]["sampling"]["stop"].append("x")
    assert two.presets[0]["sampling"]["stop"] == []


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '"x"', "[" * 100_000, '{"theme": "dark"', "\x00\xff", "9" * 5000]
)
def test_a_damaged_file_is_set_aside_not_lost(path, text):
    path.parent.mkdir()
    path.write_bytes(text.encode("latin-1"))
    settings = Settings.load(path)
    assert settings == Settings()
    assert settings.set_aside == path.with_name("settings.json.bak")
    assert settings.set_aside.read_bytes() == text.encode("latin-1")
    settings.save()
    assert Settings.load(path).set_aside is None


def test_a_second_damaged_file_does_not_replace_the_first(path):
    path.parent.mkdir()
    for text in ("one", "two"):
        path.write_text(text)
        Settings.load(path)
    assert path.with_name("settings.json.bak").read_text() == "one"
    assert path.with_name("settings.json.bak2").read_text() == "two"


@pytest.mark.parametrize(
    ("values", "name", "expected"),
    [
        ({"zoom": 99}, "zoom", 3.0),
        ({"zoom": 10**400}, "zoom", 1.0),
        ({"zoom": True}, "zoom", 1.0),
        ({"zoom": "big"}, "zoom", 1.0),
        ({"zoom": 2}, "zoom", 2.0),
        ({"theme": "pink"}, "theme", "system"),
        ({"device": ["cpu"]}, "device", "auto"),
        ({"last_conversation": -1}, "last_conversation", 0),
        ({"last_conversation": 2.5}, "last_conversation", 0),
        ({"last_conversation": 10**30}, "last_conversation", 0),
        ({"notify": 0}, "notify", True),
        ({"acknowledged": ["a", 1, None]}, "acknowledged", ["a"]),
        ({"acknowledged": "a"}, "acknowledged", []),
        ({"presets": []}, "presets", built_in_presets()),
        ({"presets": [{"name": ""}, 3, {"name": "x", "sampling": 4}]}, "presets", built_in_presets()),
    ],
)
def test_senseless_values_keep_their_default(path, values, name, expected):
    path.parent.mkdir()
    path.write_text(json.dumps(values | {"language": "en"}))
    settings = Settings.load(path)
    assert getattr(settings, name) == expected
    assert settings.language == "en"
    assert settings.set_aside is None


def test_a_preset_with_senseless_sampling_is_mended(path):
    path.parent.mkdir()
    sampling = '{"temperature": NaN, "top_k": 1.5, "seed": "x", "stop": [1], "top_p": 0.5}'
    path.write_text('{"presets": [{"name": "mine", "sampling": ' + sampling + "}]}")
    mended = Settings.load(path).preset("mine")["sampling"]
    assert (mended["temperature"], mended["top_k"], mended["seed"], mended["stop"]) == (0.4, 40, None, [])
    assert mended["top_p"] == 0.5


def test_saving_where_it_is_not_possible_says_so_and_keeps_the_old_file(path, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    with pytest.raises(KnownError) as caught:
        Settings(path=blocked / "settings.json").save()
    assert caught.value.key == "settings-not-saved"
    path.mkdir(parents=True)  # a folder in place of the file
    with pytest.raises(KnownError):
        Settings(path=path).save()
    assert [item.name for item in path.parent.iterdir()] == ["settings.json"]


def test_preset_titles_are_translated_only_for_ours():
    preset = built_in_presets()[0]
    try:
        set_language("zh_CN")
        assert preset_title(preset) == "均衡"
        assert preset_title({"name": "Balanced", "sampling": {}}) == "Balanced"
    finally:
        set_language("en")


def test_roles_that_are_not_known_are_dropped(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    odd = {"translate": "a", "embed": "b", "chat": "c", "cook": "d", "answer": 3}
    for roles, kept in ((odd, {"translate": "a", "embed": "b"}), (["translate"], {}), ("x", {})):
        path.write_text(json.dumps({"roles": roles}))
        assert Settings.load(path).roles == kept
    settings = Settings.load(path)
    settings.roles["sentiment"] = "a"
    settings.save()
    assert Settings.load(path).roles == {"sentiment": "a"}


def test_a_byte_order_mark_is_no_damage(path):
    settings = Settings.load(path)
    settings.theme = "dark"
    settings.save()
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    again = Settings.load(path)
    assert again.theme == "dark"
    assert again.set_aside is None


@pytest.mark.parametrize(
    "sampling", [{"top_k": 10**12}, {"max_tokens": 2**31}, {"seed": 2**64}, {"temperature": 10**20}]
)
def test_numbers_that_no_field_can_show_have_their_default(path, sampling):
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"presets": [{"name": "mine", "sampling": sampling}]}))
    (preset,) = Settings.load(path).presets
    (name,) = sampling
    assert preset["sampling"][name] == built_in_presets()[0]["sampling"][name]
