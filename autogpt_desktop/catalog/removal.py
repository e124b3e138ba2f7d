"""Deleting a model: what lies in our folder, never what a link leads to, never a file that is not a model's.

Paths are used as they stand in the folder, not resolved: a link is an entry of the folder like any other,
and it is all of it that is ours.
"""

from __future__ import annotations

from fnmatch import fnmatch
from pathlib import Path

from autogpt_desktop.engine.formats.e5_header import FILE as E5_FILE

# Files of a model's folder: what the engine reads and what its makers put beside it. A README stays: it may
# be somebody's notes.
_MODEL_FILES = (
    *(
        "*.safetensors",
        "*.safetensors.index.json",
        "pytorch_model*.bin",
        "*.gguf",
        "*.tiktoken",
        "*.model",
        E5_FILE,
    ),
    *("config.json", "config_sentence_transformers.json", "sentence_bert_config.json", "modules.json"),
    *("adapter_config.json", "base.json", "head.json"),
    *("generation_config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"),
    *(
        "added_tokens.json",
        "vocab.json",
        "vocab.txt",
        "merges.txt",
        "chat_template.json",
        "chat_template.jinja",
    ),
)
# Folders inside it, with the files that the engine reads there.
_INNER = {
    "additional_chat_templates": ("*.jinja",),
    "*_Pooling": ("config.json",),
    "*_Dense": ("config.json", "*.safetensors"),
    "*_Normalize": ("config.json",),
}
_OURS = (".lock", "*.part")  # what a download leaves


def remove_model(place: Path, folder: Path, files: tuple[str, ...] = ()) -> None:
    """Take ``place``, a file or a model's folder somewhere in ``folder``, away. Raises OSError.

    Where it, or a folder on the way to it, is a link, the link goes and nothing else. ``files``: what the
    catalog's entry put there, by names relative to the model's folder; () for a model of the user's own.
    Folders that are empty afterwards go too; one that holds anything else stays with it.
    """
    way = place.relative_to(folder).parts
    for count in range(1, len(way) + 1):
        part = folder.joinpath(*way[:count])
        if part.is_symlink():
            part.unlink()
            _remove_empty(part.parent, folder)
            return
    if place.is_dir():
        _remove_files(place, (*(files or _MODEL_FILES), *_OURS))
        for inner in [path for path in place.iterdir() if path.is_dir() and not path.is_symlink()]:
            named = [name.partition("/")[2] for name in files if name.startswith(f"{inner.name}/")]
            known = [names for pattern, names in _INNER.items() if fnmatch(inner.name, pattern)]
            _remove_files(inner, (*(named or (known[0] if known else ())), *_OURS))
            _remove_empty(inner, place)
        _remove_empty(place, folder)
        return
    place.unlink()
    if place.parent != folder:
        _remove_files(place.parent, _OURS, only_if_alone=True)
        _remove_empty(place.parent, folder)


def _remove_files(folder: Path, names: tuple[str, ...], only_if_alone: bool = False) -> None:
    """The files of ``folder`` with such names; a link with such a name goes itself."""
    entries = list(folder.iterdir())
    ours = [
        path
        for path in entries
        if any(fnmatch(path.name, name) for name in names) and (path.is_symlink() or path.is_file())
    ]
    if only_if_alone and len(ours) < len(entries):
        return
    for path in ours:
        path.unlink()


def _remove_empty(folder: Path, top: Path) -> None:
    """``folder``, unless it holds something or is ``top`` itself."""
    if folder != top and not any(folder.iterdir()):
        folder.rmdir()
