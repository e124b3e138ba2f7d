"""Both scripts of Chinese: told apart, and one made of the other."""

from __future__ import annotations

import pytest

from autogpt_desktop.documents.text.chinese import (
    both_scripts,
    common_tag,
    in_script,
    offsets,
    script_of,
    simplified,
    traditional,
    with_script,
)


@pytest.mark.parametrize(
    ("plain", "old"),
    [
        ("皇后的头发后来变白了。", "皇后的頭髮後來變白了。"),  # one character stands for two
        ("他说：“里面有台湾的面条。”", "他說：「裡面有臺灣的麵條。」"),
        ("法律程序", "法律程序"),  # a procedure, not a program
        ("乾隆年间的著作", "乾隆年間的著作"),
        ("Version 3.1, “…”", "Version 3.1, “…”"),  # no Chinese: as it is
    ],
)
def test_one_script_is_made_of_the_other(plain: str, old: str) -> None:
    assert traditional(plain) == old
    assert simplified(old).replace("「", "“").replace("」", "”") == plain


def test_what_no_library_takes_stays() -> None:
    assert traditional("头\0发\ud800发") == "頭\0發\ud800發"


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("這個問題很難。", "zh-Hant"),
        ("这个问题很难。", "zh"),
        ("大山小水", "zh"),  # nothing tells
        ("", "zh"),
        ("简体比 這個 多，说明文本是简体。", "zh"),
    ],
)
def test_the_script_is_told_by_what_only_one_writes(text: str, script: str) -> None:
    assert script_of(text) == script
    assert with_script("ja", text) == "ja"


def test_a_script_stays_while_nothing_tells() -> None:
    assert with_script("zh", "大山", "zh-Hant") == "zh-Hant"
    assert with_script("zh", "大山", "ja") == "zh"
    assert with_script("zh", "这里", "zh-Hant") == "zh"


def test_tags_as_people_write_them() -> None:
    given = ["zh-TW", "zh_HK", "zh-hant", "zh-CN", "zh-Hans", "zh", "pt-BR", "auto"]
    assert [common_tag(tag) for tag in given] == ["zh-Hant"] * 3 + ["zh"] * 3 + ["pt-BR", "auto"]


def test_where_simplified_is_known_the_other_script_is_offered() -> None:
    assert both_scripts(("en", "zh", "fr")) == ("en", "zh", "zh-Hant", "fr")
    assert both_scripts(("en", "fr")) == ("en", "fr")
    assert both_scripts(("zh-Hant", "zh")) == ("zh-Hant", "zh")


def test_only_chinese_changes_its_script() -> None:
    assert [in_script("头发", code) for code in ("zh-Hant", "zh", "ja")] == ["頭髮", "头发", "头发"]


def test_places_move_with_the_text() -> None:
    same = offsets("头发", "頭髮")
    assert [same(at) for at in range(3)] == [0, 1, 2]
    longer = offsets("在博客上", "在部落格上")
    assert [longer(0), longer(1), longer(3), longer(4)] == [0, 1, 4, 5]
