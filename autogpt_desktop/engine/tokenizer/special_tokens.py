"""Special tokens that chat models end a turn with."""

from __future__ import annotations

# tokens that end an answer, whatever else the metadata says (llama.cpp keeps a like list)
END_OF_TURN = frozenset({
    "<|im_end|>", "<|eot_id|>", "<|eom_id|>", "<end_of_turn>", "<|endoftext|>", "<|end_of_text|>",
    "<|end|>", "<EOT>", "<｜end▁of▁sentence｜>", "<end_of_utterance>",
})  # fmt: skip
