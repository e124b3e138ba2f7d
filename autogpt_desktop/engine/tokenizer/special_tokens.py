"""Special tokens that chat models end a turn with."""

from __future__ import annotations

from collections.abc import Collection

from autogpt_desktop.thinking import speaks_harmony

# tokens that end an answer, whatever else the metadata says (llama.cpp keeps a like list)
END_OF_TURN = frozenset({
    "<|im_end|>", "<|eot_id|>", "<|eom_id|>", "<end_of_turn>", "<|endoftext|>", "<|end_of_text|>",
    "<|end|>", "<|return|>", "<|call|>", "<EOT>", "<｜end▁of▁sentence｜>", "<end_of_utterance>",
})  # fmt: skip


def ends_turn(token: str, control: Collection[str]) -> bool:
    """Does a token that is named as an end end the answer? ``<|end|>`` of a channel ends a message only."""
    return token != "<|end|>" or not speaks_harmony(control)
