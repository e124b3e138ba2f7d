"""The files of a repository as what one can choose from: "Q4_K_M, 2.5 GB"."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

from autogpt_desktop.engine.formats.split_gguf import split_name

GGUF, FOLDER = "gguf", "folder"
_VARIANT = re.compile(
    r"(?:^|[-_.])((?:I?Q\d|T?Q\d|F16|F32|BF16|FP16|MXFP4)(?:_[A-Z0-9]++)*+)(?=[-_.]|$)", re.I
)
_NOT_MODELS = re.compile(r"mmproj|imatrix|(?:^|[-_.])(?:lora|mtp|draft)(?=[-_.]|$)", re.I)
_FOLDER_FILES = (
    *("config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "tokenizer.model"),
    *("special_tokens_map.json", "added_tokens.json", "vocab.json", "vocab.txt", "merges.txt"),
    *("chat_template.json", "chat_template.jinja", "model.safetensors.index.json", "sentencepiece.bpe.model"),
    *("modules.json", "sentence_bert_config.json", "source.spm", "target.spm"),
)
_WEIGHTS = re.compile(r"model(?:-\d{5}-of-\d{5})?\.safetensors")
_LONGEST = 200  # letters of a name that are looked at
_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,150}")


@dataclass(frozen=True, slots=True)
class HubFile:
    """``name`` with its folders. Hashes in hex; ``sha256`` of large files, ``git_sha1`` of all, "" where the
    hub does not say."""

    name: str
    size: int
    sha256: str = ""
    git_sha1: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """What is fetched together. ``label``: the variant, such as "Q4_K_M", or the file's name."""

    label: str
    kind: str  # GGUF or FOLDER
    files: tuple[HubFile, ...]  # the first part first; of a folder config.json last

    @property
    def size(self) -> int:
        return sum(file.size for file in self.files)

    @property
    def stem(self) -> str:
        """What the model is called by its file; "" of a folder."""
        name = PurePosixPath(self.files[0].name).name
        parts = split_name(name)
        return "" if self.kind == FOLDER else parts[0] if parts else name.removesuffix(".gguf")


def choices(files: Iterable[HubFile]) -> list[Choice]:
    """GGUF models by size, each with all its parts; then the folder, where there is a whole one."""
    files = [file for file in files if _SAFE.fullmatch(PurePosixPath(file.name).name)]
    found = _ggufs(files)
    top = {file.name: file for file in files if "/" not in file.name}
    weights = [file for name, file in top.items() if _WEIGHTS.fullmatch(name)]
    if weights and "config.json" in top:
        rest = [top[name] for name in _FOLDER_FILES if name in top and name != "config.json"]
        found.append(Choice("safetensors", FOLDER, (*weights, *rest, top["config.json"])))
    return found


def _ggufs(files: list[HubFile]) -> list[Choice]:
    groups: dict[tuple[str, int], dict[int, HubFile]] = {}
    for file in files:
        path = PurePosixPath(file.name)
        if path.suffix != ".gguf" or _NOT_MODELS.search(path.name) or file.size <= 0:
            continue
        parts = split_name(path.name)
        stem, number, count = parts or (path.name.removesuffix(".gguf"), 1, 1)
        groups.setdefault((str(path.parent / stem), count), {})[number] = file
    whole = {
        key: tuple(parts[number] for number in sorted(parts))
        for key, parts in groups.items()
        if sorted(parts) == list(range(1, key[1] + 1))  # of one that is not all there nothing can be used
    }
    labels = {key: variant_of(PurePosixPath(key[0]).name) for key in whole}
    named = list(labels.values())
    found = []
    for key, members in whole.items():
        stem = PurePosixPath(key[0]).name
        label = labels[key] if labels[key] and named.count(labels[key]) == 1 else stem
        found.append(Choice(label, GGUF, members))
    return sorted(found, key=lambda choice: (choice.size, choice.label))


def variant_of(stem: str) -> str:
    """``Qwen3-4B-Q4_K_M`` → ``Q4_K_M``; "" where the name does not say."""
    found = _VARIANT.findall(stem[-_LONGEST:])
    return found[-1].upper() if found else ""


def preferred(offered: Iterable[Choice], variant: str = "", file: str = "") -> Choice | None:
    """The one that is meant, or else what most people want: four bits. None: there is no such one."""
    offered = list(offered)
    if file:
        return next((each for each in offered if any(part.name == file for part in each.files)), None)
    if variant:
        same = [
            each for each in offered if variant.lower() in (each.label.lower(), variant_of(each.stem).lower())
        ]
        return same[0] if same else None
    for usual in ("Q4_K_M", "Q4_K_S", "Q4_0", "Q5_K_M", "Q8_0"):
        match = [each for each in offered if variant_of(each.stem) == usual]
        if match:
            return match[0]
    return offered[0] if offered else None
