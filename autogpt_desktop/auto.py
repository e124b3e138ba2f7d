"""The Python interface, in the words of Hugging Face's API: ``AutoModel`` and ``AutoTokenizer``."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from autogpt_desktop import paths
from autogpt_desktop.engine.config import ModelConfig, Sampling
from autogpt_desktop.engine.formats.gguf import read_gguf
from autogpt_desktop.engine.formats.untrusted import untrusted
from autogpt_desktop.engine.generation.engine import Engine, StopStrings
from autogpt_desktop.engine.load import load, run_to_end
from autogpt_desktop.engine.native.weights import Quantize
from autogpt_desktop.engine.tokenizer.chat_template import ChatTemplate, Message
from autogpt_desktop.engine.tokenizer.tokenizer import Tokenizer
from autogpt_desktop.runtime import PACKED_WORTH, resolver
from autogpt_desktop.settings import Settings
from autogpt_desktop.thinking import opened_thought, split_thinking

DEFAULT = "autogpt"
_PROMPT_END = 24  # tokens in which a template may open a thought


def resolve(name: str | Path) -> Path:
    """The file or folder behind a name: "autogpt" (the chosen default model), a role, a catalog name or
    a path.

    Raises KnownError: no-model, no-model-for-role, model-missing.
    """
    return resolver(Settings.load())(str(name))


class AutoTokenizer:
    """Text to token ids and back."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        self.eos_token_ids = sorted(tokenizer.eos_ids)
        self.bos_token_id = tokenizer.bos_id
        self.vocab_size = tokenizer.vocab_size
        self._template: ChatTemplate | None = None

    @classmethod
    def from_pretrained(cls, name: str | Path) -> AutoTokenizer:
        """The tokenizer of a model: see ``resolve`` for names."""
        path = resolve(name)
        with untrusted(path.name):
            if os.path.isdir(path):
                return cls(Tokenizer.from_folder(path))
            return cls(Tokenizer.from_gguf(read_gguf(path).metadata))

    def encode(
        self, text: str, *, add_special_tokens: bool = True, return_tensors: str | None = None
    ) -> list[int] | Tensor:
        """Token ids of ``text``: a list, or with ``return_tensors="pt"`` a tensor [1, tokens] int64."""
        return _as_asked(self.tokenizer.encode(text, add_special=add_special_tokens), return_tensors)

    def __call__(self, text: str | Sequence[str], *, return_tensors: str | None = None) -> dict[str, Any]:
        """{"input_ids"} of one text or several of the same length."""
        if isinstance(text, str):
            return {"input_ids": self.encode(text, return_tensors=return_tensors)}
        rows = [self.tokenizer.encode(t) for t in text]
        return {"input_ids": torch.tensor(rows, dtype=torch.int64) if return_tensors == "pt" else rows}

    def apply_chat_template(
        self,
        messages: Sequence[Message],
        *,
        add_generation_prompt: bool = True,
        enable_thinking: bool = True,
        return_tensors: str | None = None,
    ) -> list[int] | Tensor:
        """Token ids of a conversation ({"role", "content"}) by the model's chat template, as ``encode`` gives
        them. Without ``enable_thinking`` a reasoning model answers at once, if its template knows how."""
        if self._template is None:
            self._template = ChatTemplate.for_tokenizer(self.tokenizer)
        ids = self._template.render_ids(
            self.tokenizer, messages, add_generation_prompt=add_generation_prompt, thinking=enable_thinking
        )
        return _as_asked(ids, return_tensors)

    def parse_response(
        self, response: str | Sequence[int] | Tensor, prompt: Sequence[int] | Tensor = ()
    ) -> dict[str, str]:
        """What a chat model wrote, apart: {"role", "content"}, and "thinking" where it thought first.

        ``response``: the text or the ids behind the prompt. ``prompt``: its ids, which some templates end
        with the mark that opens the thought.
        """
        text = response if isinstance(response, str) else self.decode(response)
        end = self.tokenizer.decode(_as_list(prompt)[-_PROMPT_END:], skip_special=False)
        parts = split_thinking(opened_thought(end) + text)
        message = {"role": "assistant", "content": parts.answer}
        return message | ({"thinking": parts.thought} if parts.thought else {})

    def decode(self, ids: Sequence[int] | Tensor, *, skip_special_tokens: bool = True) -> str:
        """The text of one sequence of ids, without a last character that is not whole.

        The marks around a thought stay: ``parse_response`` takes it out.
        """
        stream = self.tokenizer.stream(skip_special=skip_special_tokens)
        return "".join(map(stream.push, _as_list(ids)))


@dataclass(frozen=True)
class CausalLMOutput:
    """``logits``: [batch, tokens, vocab_size] float32."""

    logits: Tensor


class AutoModel:
    """A loaded decoder."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    @classmethod
    def from_pretrained(
        cls,
        name: str | Path,
        *,
        device: str = "auto",
        context_length: int = 0,
        packed_cache: Path | bool = True,
        quantize: Quantize | None = None,
    ) -> AutoModel:
        """Load a model: see ``resolve`` for names, ``engine.load.load`` for the rest. ``packed_cache``:
        True is the app's own folder, False none."""
        folder = paths.packed_dir() if packed_cache is True else packed_cache or None
        loading = load(
            resolve(name),
            device=device,
            context_length=context_length,
            packed_cache=folder,
            packed_worth=PACKED_WORTH if packed_cache is True else 0.0,
            quantize=quantize,
        )
        return cls(run_to_end(loading))

    @property
    def config(self) -> ModelConfig:
        return self.engine.config

    @property
    def device(self) -> str:
        return self.engine.device

    def __call__(self, input_ids: Tensor) -> CausalLMOutput:
        """``input_ids`` [batch, tokens] → logits [batch, tokens, vocab_size] float32."""
        rows = _rows(input_ids)
        decoder = self.engine.decoder
        logits = decoder.forward([(decoder.new_state(), row) for row in rows], "all")
        return CausalLMOutput(torch.stack(logits))

    def generate(
        self,
        input_ids: Tensor,
        *,
        max_new_tokens: int = 128,
        do_sample: bool = False,
        temperature: float = 1.0,
        top_k: int = 50,
        top_p: float = 1.0,
        min_p: float = 0.0,
        repetition_penalty: float = 1.0,
        seed: int | None = None,
        stop_strings: str | Sequence[str] | None = None,
        streamer: Any = None,
    ) -> Tensor:
        """Continue each row of ``input_ids`` [batch, tokens] → [batch, longest row] int64.

        Rows end at an end-of-sequence token, with the token that completes one of ``stop_strings``, or after
        ``max_new_tokens``; shorter rows are filled up with
        that token. Greedy unless ``do_sample``. ``streamer`` has ``put(ids)`` and ``end()`` as in
        transformers; it sees the prompt first and takes one row only.
        """
        rows = _rows(input_ids)
        if streamer is not None and len(rows) > 1:
            raise ValueError("a streamer takes a single row")
        sampling = Sampling(
            temperature=temperature if do_sample else 0.0,
            top_k=top_k,
            top_p=top_p,
            min_p=min_p,
            repetition_penalty=repetition_penalty,
            seed=seed,
            stop=(stop_strings,) if isinstance(stop_strings, str) else tuple(stop_strings or ()),
            max_tokens=max_new_tokens,
        )
        if streamer is not None:
            streamer.put(input_ids.cpu())
        made = [self._continue(row, sampling, streamer) for row in rows]
        if streamer is not None:
            streamer.end()
        longest = max(len(row) for row in made)
        fill = min(self.engine.tokenizer.eos_ids, default=0)
        return torch.tensor([row + [fill] * (longest - len(row)) for row in made], dtype=torch.int64)

    def _continue(self, ids: list[int], sampling: Sampling, streamer: Any) -> list[int]:
        engine, out = self.engine, list(ids)
        text_of, stop = engine.tokenizer.stream(), StopStrings(sampling.stop)
        for step in engine.tokens(
            ids, sampling, engine.new_state(), lookup=engine.prompt_lookup(), penalized=ids
        ):
            if isinstance(step, int):
                out.append(step)
                if streamer is not None:
                    streamer.put(torch.tensor([step]))
                stop.push(text_of.push(step))
                if stop.hit:
                    break
        return out


def _as_asked(ids: list[int], return_tensors: str | None) -> list[int] | Tensor:
    if return_tensors is None:
        return ids
    if return_tensors != "pt":
        raise ValueError(f"return_tensors must be 'pt' or None, not {return_tensors!r}")
    return torch.tensor([ids], dtype=torch.int64)


def _as_list(ids: Sequence[int] | Tensor) -> Sequence[int]:
    return ids.reshape(-1).tolist() if isinstance(ids, Tensor) else ids


def _rows(input_ids: Tensor) -> list[list[int]]:
    if input_ids.dim() == 1:
        input_ids = input_ids[None]
    if input_ids.dim() != 2 or input_ids.shape[1] == 0:
        raise ValueError("input_ids must be [batch, tokens] with at least one token")
    return input_ids.tolist()
