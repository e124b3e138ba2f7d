"""Completions through the ``openai`` client."""

from __future__ import annotations

from typing import Any

import pytest

from tests.server.kit import Served


def complete(served: Served, **options: Any) -> Any:
    usual = {"model": "tiny", "prompt": "the rain in the hall", "max_tokens": 6, "temperature": 0}
    return served.client.completions.create(**(usual | options))


def test_a_completion_whole_and_in_pieces(served: Served) -> None:
    made = complete(served)
    pieces = list(complete(served, stream=True))
    assert "".join(piece.choices[0].text for piece in pieces) == made.choices[0].text
    assert made.usage.completion_tokens <= 6
    assert pieces[-1].choices[0].finish_reason == made.choices[0].finish_reason


def test_log_probabilities_of_prompt_and_answer(served: Served) -> None:
    made = complete(served, echo=True, logprobs=2).choices[0]
    table = made.logprobs
    assert made.text.startswith("the rain in the hall")
    shown = "".join("\ufffd" if token.startswith("bytes:") else token for token in table.tokens)
    assert shown.startswith("the rain in the hall")
    assert table.token_logprobs[0] is None
    assert all(logprob <= 0 for logprob in table.token_logprobs[1:])
    assert [len(top) for top in table.top_logprobs[1:]] == [2] * (len(table.tokens) - 1)
    for token, offset in zip(table.tokens, table.text_offset, strict=True):
        assert token.startswith("bytes:") or shown[offset:].startswith(token)
    scored = complete(served, echo=True, logprobs=2, max_tokens=0).choices[0].logprobs
    count = len(scored.tokens)
    assert scored.tokens == table.tokens[:count]
    assert scored.token_logprobs[1:] == pytest.approx(table.token_logprobs[1:count], abs=1e-4)


def test_several_prompts_and_ids(served: Served) -> None:
    one, two = (complete(served, prompt=text).choices[0].text for text in ("in the", "an all"))
    made = complete(served, prompt=["in the", "an all"], n=2)
    assert [choice.text for choice in made.choices] == [one, one, two, two]
    assert [choice.index for choice in made.choices] == [0, 1, 2, 3]
    assert complete(served, prompt=[[50, 51, 52], [60]]).choices[1].text


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"prompt": []}, "prompt"),
        ({"prompt": [1, "x"]}, "prompt[0]"),
        ({"prompt": [10**6]}, "prompt"),
        ({"suffix": "x"}, "suffix"),
        ({"best_of": 3}, "best_of"),
        ({"logprobs": 100}, "logprobs"),
    ],
)
def test_what_cannot_be_used_is_named(served: Served, change: dict[str, Any], param: str) -> None:
    status, body = served.ask("/v1/completions", {"model": "tiny", "prompt": "x"} | change)
    assert (status, body["error"]["param"]) == (400, param)
