"""The tokenizer of a Hugging Face folder: tokenizer.json and the small files beside it."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tokenizers

from autogpt_desktop.engine.formats.untrusted import untrusted
from autogpt_desktop.engine.tokenizer import rules
from autogpt_desktop.engine.tokenizer.special_tokens import END_OF_TURN, ends_turn
from autogpt_desktop.errors import KnownError
from autogpt_desktop.regular_file import read_if_there, readable_size

_MAX_BYTES = 128 << 20


def read_folder(path: Path) -> dict[str, Any]:
    """The arguments of :class:`Tokenizer`. Raises KnownError: tokenizer-missing, tokenizer-broken."""
    with untrusted(path.name, "tokenizer-broken", value="tokenizer.json"):
        return _read_folder(path)


def _read_folder(path: Path) -> dict[str, Any]:
    file = path / "tokenizer.json"
    if not os.path.isfile(file):
        raise KnownError("tokenizer-missing")
    if readable_size(file) > _MAX_BYTES:
        raise KnownError("tokenizer-broken", value=file.name)
    try:
        native = tokenizers.Tokenizer.from_file(str(file))
    except Exception as error:  # the package raises plain Exception for whatever is wrong with the file
        raise KnownError("tokenizer-broken", value=file.name) from error
    native.no_truncation()
    native.no_padding()
    native.encode_special_tokens = True  # control tokens are split off before
    settings = _read_json(path / "tokenizer_config.json")
    generation = _read_json(path / "generation_config.json")
    model = _read_json(path / "config.json")

    added = native.get_added_tokens_decoder()
    control = {token.content: id for id, token in added.items() if token.special}
    literal = {token.content: id for id, token in added.items() if not token.special}
    control |= {token: id for token, id in literal.items() if token in END_OF_TURN}
    bos_id, eos_id = _named(native, settings, "bos_token"), _named(native, settings, "eos_token")
    ends = {control[token] for token in END_OF_TURN if token in control}
    for value in (eos_id, generation.get("eos_token_id"), model.get("eos_token_id")):
        ids = value if isinstance(value, list) else [value]
        ends |= {id for id in ids if type(id) is int and 0 <= id < native.get_vocab_size()}
    size = max(native.get_vocab(with_added_tokens=True).values(), default=-1) + 1
    if not 0 < size <= 1 << 24:
        raise KnownError("tokenizer-broken", value=file.name)
    tokens = [""] * size
    for token, id in native.get_vocab(with_added_tokens=True).items():
        tokens[id] = token
    ends = {id for id in ends if ends_turn(tokens[id], control)}

    rules.check_growth(native)
    child = None if rules.are_known(native) else rules.ChildEncoder(file)

    def encode(texts: Sequence[str], special: bool = False) -> list[list[int]]:
        with untrusted(path.name, "tokenizer-broken", value=file.name):  # it may panic at a certain text
            if child is not None:
                return child.encode(texts, special=special)
            return [one.ids for one in native.encode_batch_fast(list(texts), add_special_tokens=special)]

    opening = encode(["a"], special=True)[0][:1]
    return {
        "tokens": tokens,
        "encode_texts": encode,
        "byte_level": _byte_level(native),
        "control": {token: id for token, id in control.items() if token},
        "literal": {token: id for token, id in literal.items() if token and token not in control},
        "bos_id": bos_id,
        "eos_id": eos_id,
        "eos_ids": ends,
        "add_bos": bos_id is not None and (opening == [bos_id] or settings.get("add_bos_token") is True),
        "strip_space": _strips_space(native),
        "chat_template": _template(path, settings),
    }


def _read_json(file: Path) -> dict[str, Any]:
    """A small settings file; absent: empty."""
    try:
        values = json.loads(read_if_there(file, "{}"))
    except (ValueError, RecursionError) as error:
        raise KnownError("tokenizer-broken", value=file.name) from error
    if not isinstance(values, dict):
        raise KnownError("tokenizer-broken", value=file.name)
    return values


def _named(native: tokenizers.Tokenizer, settings: dict[str, Any], key: str) -> int | None:
    """The id of ``bos_token`` or ``eos_token``, which is a string or {"content": string}."""
    value = settings.get(key)
    text = value.get("content") if isinstance(value, dict) else value
    return native.token_to_id(text) if isinstance(text, str) else None


def _byte_level(native: tokenizers.Tokenizer) -> bool:
    """Are tokens bytes in GPT-2's alphabet, or pieces with ▁ and <0x0A>?"""
    kinds = {step["type"] for step in rules.steps(native, "decoder")}
    if not kinds & {"ByteLevel", "ByteFallback", "Metaspace", "Replace"}:
        raise KnownError("tokenizer-unknown", kind=", ".join(sorted(kinds)) or "?")
    return "ByteLevel" in kinds


def _strips_space(native: tokenizers.Tokenizer) -> bool:
    """Does decoding take off the space that encoding put in front?"""
    for step in rules.steps(native, "decoder"):
        if step["type"] == "Strip" and step.get("content") == " " and step.get("start"):
            return True
        if step["type"] == "Metaspace" and step.get("prepend_scheme", "always") != "never":
            return True
    return False


def _template(path: Path, settings: dict[str, Any]) -> str | None:
    """The chat template, from the first of the places where Hugging Face folders keep it:
    chat_template.jinja, additional_chat_templates/default.jinja, chat_template.json, tokenizer_config.json.

    Of several named ones the default counts, or the only one. Raises KnownError("tokenizer-broken").
    """
    for file in (path / "chat_template.jinja", path / "additional_chat_templates" / "default.jinja"):
        try:
            template = read_if_there(file, None)
        except ValueError as error:
            raise KnownError("tokenizer-broken", value=file.name) from error
        if template is not None:
            return template
    for values in (_read_json(path / "chat_template.json"), settings):
        if template := _default_template(values.get("chat_template")):
            return template
    return None


def _default_template(value: Any) -> str | None:
    """A template, a list of {"name", "template"}, or an object by names."""
    if isinstance(value, list):
        value = {one["name"]: one["template"] for one in value}
    if isinstance(value, dict) and not all(isinstance(part, str) for pair in value.items() for part in pair):
        raise ValueError("a template is a text")
    if isinstance(value, dict):
        value = value.get("default") or (next(iter(value.values())) if len(value) == 1 else None)
    return value if isinstance(value, str) and value.strip() else None
