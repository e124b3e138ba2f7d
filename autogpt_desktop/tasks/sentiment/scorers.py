"""How a model is asked: log p("positive") − log p("negative") behind a text, many texts in shared passes.

A base model goes on with examples written for this app, a chat model sees them as earlier turns, and a
classification head is read as it is. The examples' state is computed once (``Engine.prefix_state``). For
some models a small head ships that reads more of the same prompt's answer (``sentiment_heads``).
Words and constants stand in ``resources/prompts/sentiment.toml`` and ``resources/calibration``.
"""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol

from autogpt_desktop import paths
from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Progress
from autogpt_desktop.tasks.sentiment.calibration import Calibration

if TYPE_CHECKING:
    from autogpt_desktop.engine.generation.engine import Engine
    from autogpt_desktop.engine.interface import State
    from autogpt_desktop.engine.torch_backend.encoder import EncoderEngine

OWNER = "sentiment"  # of the saved prefix: nothing of a user's text is in it
WINDOW = 320  # tokens of a text that are scored in one piece
_LEAST_WINDOW = 48
_CHAT_EXAMPLES = 6
CONTENT_FREE = ("N/A", "…", "[MASK]")  # Zhao et al. 2021
_STARS = {"1": "negative", "2": "negative", "3": "neutral", "4": "positive", "5": "positive"}
_WORDS = {"pos": "positive", "neg": "negative", "neu": "neutral"}

Score = tuple[float, float]  # log-odds d, and P(neutral) of a head that has it, else -1


@dataclass(frozen=True)
class Prompt:
    """What ``sentiment.toml`` says. ``version`` changes with every word that a model sees."""

    labels: tuple[str, str]  # positive, negative
    example: str
    question: str
    chat_question: str
    examples: tuple[tuple[str, str], ...]  # text, label
    version: str


@cache
def prompt() -> Prompt:
    """The prompt that ships."""
    raw = tomllib.loads((paths.resources() / "prompts" / "sentiment.toml").read_text(encoding="utf-8"))
    seen = [raw["positive"], raw["negative"], raw["base"], raw["chat"], raw["examples"]]
    return Prompt(
        labels=(raw["positive"], raw["negative"]),
        example=raw["base"]["example"],
        question=raw["base"]["question"],
        chat_question=raw["chat"]["question"],
        examples=tuple((one["text"], one["label"]) for one in raw["examples"]),
        version=hashlib.sha256(json.dumps(seen, sort_keys=True).encode()).hexdigest()[:12],
    )


@dataclass(frozen=True)
class Constants:
    """What ships for one model. ``languages``: ISO 639-1, in which it was checked; (): not known."""

    scale: Calibration
    languages: tuple[str, ...]


def constants_file() -> Any:
    return paths.resources() / "calibration" / "sentiment.json"


def constants(key: str) -> Constants | None:
    """The shipped constants for a scorer's ``key``; None where there are none for this model and prompt."""
    found = json.loads(constants_file().read_text(encoding="utf-8")).get(key)
    if found is None:
        return None
    scale = Calibration(float(found["slope"]), float(found["offset"]), (found["band"][0], found["band"][1]))
    return Constants(scale, tuple(found["languages"]))


class Scorer(Protocol):
    """One model, ready to be asked."""

    key: str  # of the model and the prompt: what constants and stored scores hold for
    window: int  # tokens of a text that can be scored in one piece
    knows_neutral: bool  # gives P(neutral) beside d

    def tokens(self, text: str) -> int: ...

    def scores(
        self, texts: Sequence[str], cancelled: Callable[[], bool]
    ) -> Iterator[Progress | tuple[int, Score]]:
        """(number of the text, score), in any order. Raises ``Cancelled``."""

    def rest(self) -> None:
        """Nothing is asked for now: let go of what only makes it quicker."""

    def scale(self, cancelled: Callable[[], bool]) -> Generator[Progress, None, Constants]:
        """Shipped constants; else what a text without content scores is taken off (Zhao et al. 2021)."""


class PromptScorer:
    """A language model. What is scored is one token behind each text."""

    knows_neutral = False

    def __init__(self, engine: Engine, batch: int = 0, prefix: bool = True) -> None:
        """``batch`` texts travel together (0: the engine's own number). Without ``prefix`` the examples are
        read again for every text: what the benchmark compares with."""
        self.engine, self.prompt, self.batch = engine, prompt(), batch
        self.chat = not engine.template.is_fallback
        c = engine.config
        self.key = f"{c.family}-{c.num_hidden_layers}x{c.hidden_size}-{c.vocab_size}-"
        self.key += f"{'chat' if self.chat else 'base'}-{self.prompt.version}"
        self.choices = self._choices()
        self.start = [] if self.chat else self._question_start()
        self.prefix = self._chat_prefix() if self.chat else self._base_prefix()
        self.state: State | None = None
        self.shared = prefix
        around = len(self._whole("x")) - len(self.prefix)
        self.window = min(WINDOW, engine.context_length - len(self.prefix) - around - 1)
        if self.window < _LEAST_WINDOW:
            raise KnownError(
                "prompt-too-long", tokens=len(self.prefix) + around + WINDOW, context=engine.context_length
            )

    def prepare(self, cancelled: Callable[[], bool]) -> Generator[Progress, None, None]:
        if self.shared and self.state is None:
            self.state = yield from self.engine.prefix_state(self.prefix, OWNER, cancelled=cancelled)

    def tokens(self, text: str) -> int:
        return len(self._encode(text))

    def scores(
        self, texts: Sequence[str], cancelled: Callable[[], bool]
    ) -> Iterator[Progress | tuple[int, Score]]:
        from autogpt_desktop.engine.generation.batch import BATCH, choice_logprobs

        for group, state in self.prompts(texts):
            prompts = [ids for _, ids in group]
            for step in choice_logprobs(
                self.engine,
                prompts,
                self.choices,
                prefix=state,
                batch=self.batch or BATCH,
                cancelled=cancelled,
            ):
                if isinstance(step, Progress):
                    yield step
                else:
                    yield group[step[0]][0], (float(step[1][0] - step[1][1]), -1.0)

    def rest(self) -> None:
        """Nothing is held."""

    def prompts(self, texts: Sequence[str]) -> list[tuple[list[tuple[int, list[int]]], State | None]]:
        """(number of the text, prompt in ids) of those behind a state, with that state; then of the others,
        whole, with None."""
        together: list[tuple[int, list[int]]] = []
        alone: list[tuple[int, list[int]]] = []
        for index, text in enumerate(texts):
            ids = self._behind(text) if self.shared else None
            if ids is None:
                alone.append((index, self._whole(text)))
            else:
                together.append((index, ids))
        return [(together, self.state), (alone, None)]

    def scale(self, cancelled: Callable[[], bool]) -> Generator[Progress, None, Constants]:
        shipped = constants(self.key)
        if shipped is not None:
            return shipped
        found = []
        for step in self.scores(CONTENT_FREE, cancelled):
            if isinstance(step, Progress):
                yield step
            else:
                found.append(step[1][0])
        return Constants(Calibration(offset=-sum(found) / len(found)), tuple(self.engine.config.languages))

    def _encode(self, text: str) -> list[int]:
        return list(self.engine.tokenizer.encode(text, add_special=False))

    def _choices(self) -> tuple[int, int]:
        """The tokens that the two labels begin with."""
        space = "" if self.chat else " "
        for positive, negative in (self.prompt.labels, ("good", "bad")):
            one, other = self._encode(space + positive)[0], self._encode(space + negative)[0]
            if one != other:
                return one, other
        raise KnownError("sentiment-model", name=self.engine.name)

    def _base_prefix(self) -> list[int]:
        shown = (self.prompt.example.format(text=t, label=self._label(x)) for t, x in self.prompt.examples)
        return [*self.engine.tokenizer.encode("".join(shown)), *self.start]

    def _question_start(self) -> list[int]:
        """What a base model reads before every text, unless its first letters join the token before them."""
        head, _, _ = self.prompt.question.partition("{text}")
        ids = self._encode(head.rstrip())
        return ids if self._encode(self.prompt.question.format(text="x"))[: len(ids)] == ids else []

    def _label(self, label: str) -> str:
        return self.prompt.labels[0 if label == "positive" else 1]

    def _messages(self, text: str) -> list[dict[str, str]]:
        turns = []
        for example, label in self.prompt.examples[:_CHAT_EXAMPLES]:
            turns.append({"role": "user", "content": self.prompt.chat_question.format(text=example)})
            turns.append({"role": "assistant", "content": self._label(label)})
        turns.append({"role": "user", "content": self.prompt.chat_question.format(text=text)})
        return turns

    def _chat_prefix(self) -> list[int]:
        """What the template writes before any text."""
        one, other = (self.engine.chat_ids(self._messages(text)) for text in ("A", "7"))
        same = next(
            (i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
        )
        return list(one[: max(1, same - 1)])  # the text's first letters may join the token before them

    def _whole(self, text: str) -> list[int]:
        if self.chat:
            return list(self.engine.chat_ids(self._messages(text)))
        examples = self.prefix[: len(self.prefix) - len(self.start)]
        return [*examples, *self._encode(self.prompt.question.format(text=text))]

    def _behind(self, text: str) -> list[int] | None:
        """The prompt's ids behind the prefix; None where the prompt does not begin with it."""
        if not self.chat:
            ids, size = self._encode(self.prompt.question.format(text=text)), len(self.start)
            return ids[size:] if ids[:size] == self.start else None
        ids = self._whole(text)
        return ids[len(self.prefix) :] if ids[: len(self.prefix)] == self.prefix else None


class ClassifierScorer:
    """An encoder whose labels say positive, negative and perhaps neutral, or count stars."""

    def __init__(self, engine: EncoderEngine) -> None:
        self.engine = engine
        self.labels = [_class_of(label) for label in engine.config.labels]
        self.knows_neutral = "neutral" in self.labels
        if not {"positive", "negative"} <= set(self.labels) or engine.config.head != "classification":
            raise KnownError("sentiment-head", name=engine.name)
        c = engine.config
        shape = f"{c.family}-{c.num_hidden_layers}x{c.hidden_size}-{c.vocab_size}"
        self.key = f"{shape}-head-{hashlib.sha256('|'.join(c.labels).encode()).hexdigest()[:12]}"
        self.window = c.max_tokens - 8  # the special tokens, and what sentences measured alone leave out

    def tokens(self, text: str) -> int:
        return int(self.engine.tokens(text))

    def scores(
        self, texts: Sequence[str], cancelled: Callable[[], bool]
    ) -> Iterator[Progress | tuple[int, Score]]:
        for step in self.engine.classify(texts, cancelled):
            if isinstance(step, Progress):
                yield step
                continue
            index, logits = step
            shares = [float(p) for p in logits.float().softmax(0)]
            held = {
                kind: sum(p for p, label in zip(shares, self.labels, strict=True) if label == kind)
                for kind in ("positive", "neutral", "negative")
            }
            positive, negative = (
                logits[[label == kind for label in self.labels]] for kind in ("positive", "negative")
            )
            d = float(positive.float().logsumexp(0) - negative.float().logsumexp(0))
            yield index, (d, held["neutral"] if self.knows_neutral else -1.0)

    def rest(self) -> None:
        """Nothing is held."""

    def scale(self, cancelled: Callable[[], bool]) -> Generator[Progress, None, Constants]:
        yield from ()
        return constants(self.key) or Constants(Calibration(), tuple(self.engine.config.languages))


def _class_of(label: str) -> str:
    """Which of the three a head's label means; "" for none of them."""
    name = label.strip().casefold()
    if stars := re.fullmatch(r"([1-5])[ _-]*stars?", name):
        return _STARS[stars[1]]
    return next((meant for word, meant in _WORDS.items() if re.match(rf"{word}(?![a-z])|{meant}", name)), "")
