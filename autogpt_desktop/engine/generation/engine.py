"""A loaded decoder with its tokenizer: token ids in, a stream of text out."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from torch import Tensor

from autogpt_desktop.engine.config import ModelConfig, Sampling
from autogpt_desktop.engine.formats.mapped import MappedFile
from autogpt_desktop.engine.generation.prompt_cache import PromptCache
from autogpt_desktop.engine.generation.prompt_lookup import PromptLookup, StepCosts
from autogpt_desktop.engine.generation.sampling import make_sampler
from autogpt_desktop.engine.interface import Cancelled, Decoder, State
from autogpt_desktop.engine.memory import out_of_memory
from autogpt_desktop.engine.tokenizer.chat_template import ChatTemplate, Message
from autogpt_desktop.engine.tokenizer.tokenizer import Tokenizer
from autogpt_desktop.engine.torch_backend.cpu_fallback import CpuFallbackDecoder
from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Done, Notice, Progress, Text

if TYPE_CHECKING:  # its library takes a moment, and few answers need it
    from autogpt_desktop.engine.generation.grammar import Grammar


class StopStrings:
    """Cuts a stream of text at the first stop string, holding back what might become one."""

    def __init__(self, stop: Sequence[str]) -> None:
        self.stop = tuple(s for s in stop if s)
        self.held = ""
        self.hit = False

    def push(self, text: str) -> str:
        """The text that is safe to show by now."""
        if not self.stop:
            return text
        self.held += text
        found = [at for at in (self.held.find(s) for s in self.stop) if at >= 0]
        if found:
            self.hit = True
            shown, self.held = self.held[: min(found)], ""
            return shown
        keep = max((n for s in self.stop for n in range(1, len(s)) if self.held.endswith(s[:n])), default=0)
        shown, self.held = self.held[: len(self.held) - keep], self.held[len(self.held) - keep :]
        return shown

    def finish(self) -> str:
        """What was held back and turned out harmless."""
        text, self.held = self.held, ""
        return text


@dataclass
class Engine:
    """One loaded model. States (KV caches) belong to the caller; nothing here remembers a conversation."""

    name: str
    config: ModelConfig
    decoder: Decoder
    tokenizer: Tokenizer
    template: ChatTemplate
    device: str  # "cpu", "cuda", "mps"
    notices: tuple[Notice, ...] = field(default=())
    step_costs: StepCosts = field(default_factory=StepCosts, repr=False)
    prompt_cache: PromptCache = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.prompt_cache = PromptCache(self.decoder)

    @property
    def context_length(self) -> int:
        """Tokens that fit one state."""
        return self.decoder.context_length

    @property
    def weight_bytes(self) -> int:
        """Bytes of memory that the weights hold."""
        return self.decoder.nbytes

    @property
    def files(self) -> tuple[MappedFile, ...]:
        """The files that its weights lie in."""
        files: tuple[MappedFile, ...] = getattr(self.decoder, "files", ())
        return files

    def new_state(self) -> State:
        return self.decoder.new_state()

    def chat_ids(
        self,
        messages: Sequence[Message],
        *,
        add_generation_prompt: bool = True,
        thinking: bool = False,
        tools: Sequence[Mapping[str, Any]] = (),
    ) -> list[int]:
        """The prompt for ``messages`` ({"role", "content"}) by the model's chat template, which says what
        ``tools`` there are where it ``knows_tools``.

        Without ``thinking`` a reasoning model is told to answer at once, if its template knows how.
        """
        return self.template.render_ids(
            self.tokenizer,
            messages,
            add_generation_prompt=add_generation_prompt,
            thinking=thinking,
            tools=tools,
        )

    def prefill(
        self, state: State, ids: Sequence[int], cancelled: Callable[[], bool] = lambda: False
    ) -> Iterator[Progress | Tensor]:
        """Bring ``state`` to exactly ``ids``, computing only what it does not hold yet.

        Yields a Progress behind each chunk and last the logits of the last token, [vocab_size]. Raises
        KnownError("prompt-empty"): the model's tokenizer or template made no tokens of the text.
        """
        if not ids:
            raise KnownError("prompt-empty", model=self.name)
        kept = min(state.common_prefix(ids), len(ids) - 1)  # the last token's logits are always needed
        state.trim(kept)
        while len(state) < len(ids):
            chunk = ids[len(state) : len(state) + self.decoder.prefill_chunk(len(state))]
            logits = self.decoder.forward([(state, chunk)], cancelled=cancelled)[0]
            yield Progress("stage.reading", len(state) - kept, len(ids) - kept)
        yield logits

    def prefix_state(
        self,
        ids: Sequence[int],
        owner: str,
        *,
        keep: bool = True,
        save: bool = True,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> Generator[Progress, None, State]:
        """A state that holds exactly ``ids``, for many prompts that begin with them.

        Computed once: with ``keep`` it stays in memory, with ``save`` also in a file where the models
        have a folder for that, until ``prefixes.forget(owner)``. Each call returns a copy of its own.
        Raises ``Cancelled``.
        """
        state = self.prompt_cache.find(ids, 1) or self.new_state()
        if len(state) < len(ids):
            for step in self.prefill(state, ids, cancelled):
                if isinstance(step, Progress):
                    yield step
            if keep:
                self.prompt_cache.keep(state, len(ids), owner, save=save)
        return state

    def prompt_lookup(self) -> PromptLookup | None:
        """What drafts for one answer; None where a token's logits depend on the pass it travels in."""
        return PromptLookup(self.step_costs) if self.decoder.batch_invariant else None

    def tokens(
        self,
        ids: Sequence[int],
        sampling: Sampling,
        state: State,
        cancelled: Callable[[], bool] = lambda: False,
        *,
        lookup: PromptLookup | None = None,
        penalized: Sequence[int] = (),
        grammar: Grammar | None = None,
    ) -> Generator[Progress | int, None, None]:
        """Continue ``ids``: progress of the prefill, then token ids, an end-of-sequence token included.

        With ``lookup`` several tokens may come from one pass. The sampler chooses each from the logits it
        would have seen without, so greedy or with a seed the answer is the same. In the end ``state``
        holds all but the last token. The repetition penalty sees ``penalized`` and the answer. With a
        ``grammar``, and no ``lookup``, it ends where that is complete. Raises ``Cancelled`` between layers
        and between tokens.
        """
        sample, history = make_sampler(sampling), list(penalized)
        room = min(sampling.max_tokens, self.context_length - len(ids))
        for step in self.prefill(state, ids, cancelled):
            if isinstance(step, Progress):
                yield step
            else:
                rows = step[None]
        made, draft = 0, list[int]()  # rows: logits behind the last token, and behind each of the draft
        try:
            while made < room:
                for at, row in enumerate(rows):
                    if at and cancelled():
                        raise Cancelled
                    token = sample(row if grammar is None else grammar.allowed(row), history)
                    made += 1
                    history.append(token)
                    if grammar is not None:
                        grammar.push(token)
                    yield token
                    if grammar is not None and grammar.complete:
                        return
                    if made == room or token in self.tokenizer.eos_ids:
                        return
                    if lookup is not None:
                        if made == 1:  # the first token need not wait for this
                            lookup.begin(ids, room)
                        lookup.push(token)
                    if at == len(draft) or token != draft[at]:
                        break
                state.trim(len(ids) + made - 1)
                draft = lookup.draft(room - made - 1) if lookup is not None else []
                started = time.perf_counter()
                work = [(state, [token, *draft])]
                rows = self.decoder.forward(work, "all" if draft else "last", cancelled)[0]
                rows = rows.view(1 + len(draft), -1)
                if lookup is not None:
                    lookup.costs.update(1 + len(draft), time.perf_counter() - started)
        finally:
            state.trim(len(ids) + max(made - 1, 0))

    def stream(
        self,
        ids: Sequence[int],
        sampling: Sampling,
        state: State | None = None,
        cancelled: Callable[[], bool] = lambda: False,
        *,
        written: Sequence[int] = (),
    ) -> Iterator[Progress | Notice | Text | Done]:
        """Continue ``ids``: progress of the prefill, text as it comes, and a Done at the end.

        ``written``: those of ``ids``, at their end, that the answer begins with, where a schema is asked for.

        ``state`` keeps what was computed: hand the same one in for the next turn. ``cancelled`` is asked
        between layers. A Notice says so where a card ran out of memory and the processor took over.
        Raises KnownError: prompt-empty, prompt-too-long when ``ids`` leave no room in the context,
        no-memory-to-answer (``state`` keeps what it held), model-numbers, model-file-lost, schema-wrong,
        schema-too-large, schema-lost.
        """
        state = self.new_state() if state is None else state
        ids = list(ids)
        if len(ids) >= self.context_length:
            raise KnownError("prompt-too-long", tokens=len(ids), context=self.context_length)
        started = time.perf_counter()
        cached = min(state.common_prefix(ids), len(ids) - 1)
        text_of, stop, lookup = self.tokenizer.stream(), StopStrings(sampling.stop), self.prompt_lookup()
        grammar = self._grammar(sampling.schema, written) if sampling.schema else None
        if grammar is not None:
            lookup = None
        made, first, reason = 0, 0.0, "length"
        steps = self.tokens(ids, sampling, state, cancelled, lookup=lookup, grammar=grammar)
        try:
            for step in steps:
                yield from self._moved()
                if isinstance(step, Progress):
                    yield step
                    continue
                if not made:
                    first = time.perf_counter()
                made += 1
                if step in self.tokenizer.eos_ids:
                    reason = "stop"
                    break
                if text := stop.push(text_of.push(step)):
                    yield Text(text)
                if stop.hit or (grammar is not None and grammar.complete):
                    reason = "stop"
                    break
        except Cancelled:
            reason = "cancelled"
        except (MemoryError, RuntimeError) as error:
            if out_of_memory(error):
                raise KnownError("no-memory-to-answer") from error
            raise
        finally:
            steps.close()
        if not stop.hit and (text := stop.finish()):  # a character that is not whole is left out
            yield Text(text)
        now = time.perf_counter()
        yield Done(
            finish_reason=reason,
            prompt_tokens=len(ids),
            cached_tokens=cached,
            new_tokens=made,
            time_to_first_token=(first or now) - started,
            tokens_per_second=(made - 1) / (now - first) if made > 1 and now > first else 0.0,
            context_used=len(ids) + made,
            context_length=self.context_length,
            drafted_tokens=lookup.drafted if lookup else 0,
            accepted_tokens=lookup.accepted if lookup else 0,
        )

    def _grammar(self, schema: str, written: Sequence[int]) -> Grammar:
        from autogpt_desktop.engine.generation.grammar import json_grammar, read_schema

        grammar = json_grammar(self.tokenizer, read_schema(schema), self.config.vocab_size)
        for token in written:
            grammar.push(token)
        return grammar

    def _moved(self) -> Iterator[Notice]:
        """What to tell about a decoder that has just given way."""
        if self.device != "cpu" and isinstance(self.decoder, CpuFallbackDecoder) and self.decoder.moved:
            self.device = "cpu"
            yield Notice("notice.gpu-ran-out")

    def close(self) -> None:
        """Let go of what lives outside this process."""
        self.template.close()
