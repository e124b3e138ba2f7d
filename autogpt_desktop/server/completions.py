"""``/v1/completions``: a text that is gone on with, and how likely each token is."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from autogpt_desktop.server.errors import wrong
from autogpt_desktop.server.fields import Fields
from autogpt_desktop.server.sampling import MOST_LOGPROBS, Wanted, check_biases, read_sampling, seeded

if TYPE_CHECKING:
    from autogpt_desktop.engine.generation.continuous import Piece, Request, TokenLogprob
    from autogpt_desktop.engine.generation.engine import Engine

USUAL_TOKENS = 16  # OpenAI's, where a client names no limit
_MOST_PROMPTS = 64
_LEAST = -9999.0  # JSON knows no infinity


@dataclass(eq=False)
class CompletionRequest:
    """One request, checked. ``build`` is called on the worker."""

    model: str
    prompts: list[str | list[int]]
    wanted: Wanted
    stream: bool
    include_usage: bool
    echo: bool
    logprobs: int | None

    @property
    def size(self) -> int:
        return len(self.prompts) * self.wanted.n

    def build(self, engine: Engine) -> list[Request]:
        from autogpt_desktop.engine.generation.continuous import Request

        check_biases(self.wanted, engine.config.vocab_size)
        requests: list[Request] = []
        for prompt in self.prompts:
            if isinstance(prompt, str):
                # a client who writes the whole prompt writes its control tokens too
                ids = engine.tokenizer.encode(prompt, parse_special=True)
            else:
                ids = prompt
                if any(id >= engine.config.vocab_size for id in ids):
                    raise wrong("prompt", "has a token that this model does not have")
            for _ in range(self.wanted.n):
                limit = self.wanted.max_tokens
                sampling = dataclasses.replace(
                    self.wanted.sampling, max_tokens=USUAL_TOKENS if limit is None else limit
                )
                requests.append(
                    Request(
                        ids,
                        seeded(sampling, len(requests)),
                        frequency_penalty=self.wanted.frequency_penalty,
                        presence_penalty=self.wanted.presence_penalty,
                        logit_bias=self.wanted.logit_bias,
                        top_logprobs=self.logprobs,
                        prompt_logprobs=self.echo and self.logprobs is not None,
                    )
                )
        return requests

    def logprobs_of(self, engine: Engine, piece: Piece) -> tuple[Any, ...]:
        """(token, its characters, its log-probability, the likeliest) of each token; of the prompt's first
        nothing is known but itself, which comes as the prompt's text does."""

        def entry(one: TokenLogprob) -> tuple[str, int, float, dict[str, float]]:
            top = {_name(engine, id): max(logprob, _LEAST) for id, logprob in one.top}
            width = len(engine.tokenizer.token_text(one.id))
            return _name(engine, one.id), width, max(one.logprob, _LEAST), top

        return tuple(entry(one) for one in (*piece.prompt, *((piece.token,) if piece.token else ())))

    def echoed(self, engine: Engine, request: Request) -> tuple[str, str]:
        """The prompt as text, and the text of its first token, where they are asked for."""
        if not self.echo:
            return "", ""
        return engine.tokenizer.decode(request.ids, skip_special=False), _name(engine, request.ids[0])


def _name(engine: Engine, id: int) -> str:
    """A token as OpenAI's interface tells it: half a character by its bytes, so that no two are alike."""
    raw = engine.tokenizer.token_bytes(id)
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return "bytes:" + "".join(f"\\x{byte:02x}" for byte in raw)


def read_completion(values: Mapping[str, Any]) -> CompletionRequest:
    """Raises ApiError with the name of the field that cannot be used."""
    body = Fields(values)
    model = body.text("model")
    body.unsupported("suffix")
    if body.whole("best_of", 1, 1 << 31, 1) > body.whole("n", 1, 1 << 31, 1):
        raise wrong("best_of", "may not be more than 'n'")
    wanted = read_sampling(body, "max_tokens", least=0)  # 0: the prompt alone is scored
    echo = body.flag("echo")
    logprobs = body.whole("logprobs", 0, MOST_LOGPROBS, 0) if "logprobs" in body else None
    return CompletionRequest(
        model,
        _prompts(body),
        wanted,
        body.flag("stream"),
        body.object("stream_options").flag("include_usage"),
        echo,
        logprobs,
    )


def _prompts(body: Fields) -> list[str | list[int]]:
    value = body.raw("prompt")
    if isinstance(value, str) or _are_ids(value):
        return [value]
    if not isinstance(value, list) or not value:
        raise wrong("prompt", "must be a text, an array of token ids, or an array of these")
    if len(value) > _MOST_PROMPTS:
        raise wrong("prompt", f"may have at most {_MOST_PROMPTS} items")
    for index, item in enumerate(value):
        if not isinstance(item, str) and not _are_ids(item):
            raise wrong(f"prompt[{index}]", "must be a text or an array of token ids")
    return list(value)


def _are_ids(value: object) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(id, int) and not isinstance(id, bool) and 0 <= id < 1 << 31 for id in value)
    )


class Tokens:
    """The table of log-probabilities of one completion, as it grows."""

    def __init__(self) -> None:
        self._end = 0  # characters of the text so far

    def rows(self, entries: Any) -> dict[str, Any]:
        """The next rows."""
        table: dict[str, Any] = {"tokens": [], "token_logprobs": [], "top_logprobs": [], "text_offset": []}
        for text, width, logprob, top in entries:
            table["tokens"].append(text)
            table["token_logprobs"].append(logprob)
            table["top_logprobs"].append(top)
            table["text_offset"].append(self._end)
            self._end += width
        return table


def joined(tables: list[dict[str, Any]]) -> dict[str, Any]:
    """Several stretches of one table as one."""
    return {key: [item for table in tables for item in table[key]] for key in tables[0]} if tables else {}
