"""Models that are trained to translate are asked as their makers say."""

from __future__ import annotations

from pathlib import Path

import pytest

from autogpt_desktop.engine.load import load, run_to_end
from autogpt_desktop.tasks.prompts import LANGUAGES, own_translation_messages
from autogpt_desktop.tasks.translate.prompts import SourceSentence, prompts
from tests.tiny import write_tiny_gguf

FAMILY = "hunyuan-dense"


def asked(source: str, target: str, text: str, **more: object) -> str:
    (turn,) = own_translation_messages(FAMILY, source, target, text, **more) or [{}]  # type: ignore[arg-type]
    assert turn["role"] == "user", "no system prompt, no examples"
    return str(turn["content"])


def test_the_publisher_s_prompts_are_used() -> None:
    text = "Use {braces} and %s."
    plain = asked("de", "fr", text)
    assert plain.startswith("Translate the following text into French. Note that you should only output")
    assert plain.endswith(f":\n\n{text}")
    assert (
        asked("en", "zh", text)
        == f"将以下文本翻译为中文，注意只需要输出翻译后的结果，不要额外解释：\n\n{text}"
    )
    assert asked("zh", "ja", "好").startswith("将以下文本翻译为日语，")
    terms = asked("en", "de", text, terms=(("harbour", "Hafen"), ("{x}", "y")))
    assert terms.startswith(
        "Reference the following translations:\nharbour translates to Hafen\n{x} translates to y\n\n"
    )
    assert terms.endswith(plain.replace("French", "German"))
    assert asked("en", "zh", text, terms=(("harbour", "港口"),)).startswith(
        "参考下面的翻译：\nharbour翻译成港口\n\n将"
    )
    around = asked("en", "zh", text, context="一封信")
    assert around == f"【背景信息】\n一封信\n\n请结合背景信息将以下文本翻译为中文。\n\n【待翻译文本】\n{text}"
    assert asked("en", "it", text, context="A letter.").startswith("[Background Information]\nA letter.\n\n")


def test_every_language_has_a_name_and_other_families_their_examples() -> None:
    for source in ("zh", "en"):
        assert len({asked(source, language, "x") for language in LANGUAGES}) == len(LANGUAGES)
    assert own_translation_messages("llama", "en", "de", "x") is None


@pytest.mark.slow
def test_a_sentence_with_terms_and_context_reaches_the_model_so(tmp_path: Path) -> None:
    engine = run_to_end(
        load(write_tiny_gguf(tmp_path / "m.gguf", FAMILY).path, device="cpu", context_length=128)
    )
    try:
        sentences = [
            SourceSentence("The harbour is old.", "en", (("harbour", "Hafen"),)),
            SourceSentence("It is old.", "en", context="The harbour."),
        ]
        made = prompts(engine, sentences, "de")
        texts = [engine.tokenizer.decode(made.prefix + line, skip_special=False) for line in made.lines]
    finally:
        engine.close()
    assert "harbour translates to Hafen" in texts[0]
    assert "[Background Information]\nThe harbour.\n\nPlease translate" in texts[1]
    assert all(text.endswith("<|im_end|>\n<|im_start|>assistant\n") for text in texts)
