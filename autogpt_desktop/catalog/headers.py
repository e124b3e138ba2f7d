"""What a model's file says of itself, read through ``engine.formats.gguf`` or a folder's config.json.

Headers are remembered by size and modification time, so that listing the models costs a few ``stat``
calls and never loads torch.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autogpt_desktop import atomic, paths
from autogpt_desktop.catalog.pack_entries import FAMILY, pack_title
from autogpt_desktop.catalog.pack_folder import is_pack, read_pack, stamp
from autogpt_desktop.engine.formats.adapter_files import CONFIG, HEAD, is_adapter, is_head
from autogpt_desktop.engine.formats.e5_header import FILE, is_e5
from autogpt_desktop.engine.formats.pack_files import pack_files
from autogpt_desktop.engine.formats.split_gguf import model_files
from autogpt_desktop.engine.formats.untrusted import untrusted, weight_files
from autogpt_desktop.errors import KnownError
from autogpt_desktop.regular_file import check_regular, read_regular_text

if TYPE_CHECKING:
    from autogpt_desktop.engine.config import ModelConfig
    from autogpt_desktop.engine.formats.gguf import GGUFFile

_CACHE_VERSION = 6
# 4 knew no translation packs, 5 fewer families and not what is read for a token: what they say of models that
# could be used is still right.
_BEFORE = (4, 5)
_SINCE = {"pairs": [], "comet": 0.0, "state_bytes": 0, "decode_bytes": 0}

# llama.cpp's numbers for the mix of types in a file (``general.file_type``)
_FILE_TYPES = {
    0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 7: "Q8_0", 8: "Q5_0", 9: "Q5_1", 10: "Q2_K",
    11: "Q3_K_S", 12: "Q3_K_M", 13: "Q3_K_L", 14: "Q4_K_S", 15: "Q4_K_M", 16: "Q5_K_S",
    17: "Q5_K_M", 18: "Q6_K", 21: "Q2_K_S", 25: "IQ4_NL", 30: "IQ4_XS", 32: "BF16",
    38: "MXFP4",
}  # fmt: skip


@dataclass(slots=True)
class _Header:
    """What is worth remembering of a model's header."""

    size: int = 0
    title: str = ""
    family: str = ""
    languages: tuple[str, ...] = ()
    context: int = 0
    quantization: str = ""
    kv_rows: int = 0
    head_dim: int = 0
    state_bytes: int = 0
    kind: str = "decoder"
    pairs: tuple[tuple[str, str], ...] = ()
    comet: float = 0.0
    decode_bytes: int = 0
    problem: str | None = None
    problem_values: dict[str, Any] = field(default_factory=dict)


class HeaderCache:
    """Headers by path, size and modification time, kept in a file of the cache folder."""

    def __init__(self) -> None:
        self._path = paths.cache_dir() / "model-headers.json"
        self._changed = False
        try:
            stored = json.loads(self._path.read_text(encoding="utf-8"))
            self._entries: dict[str, Any] = {}
            entries = stored["entries"] if stored["version"] in (_CACHE_VERSION, *_BEFORE) else {}
            if stored["version"] in _BEFORE:
                entries = {
                    path: entry | {"header": _SINCE | entry["header"]}
                    for path, entry in entries.items()
                    if entry["header"]["problem"] is None
                }
            self._entries = {path: entry for path, entry in entries.items() if _is_entry(entry)}
        except (
            OSError,
            ValueError,
            KeyError,
            TypeError,
            AttributeError,
        ):  # absent or damaged: read the headers again
            self._entries = {}

    def header(self, path: Path) -> dict[str, Any]:
        stamp = _stamp(path)
        entry = self._entries.get(str(path))
        if entry is None or entry["stamp"] != stamp:
            entry = {"stamp": stamp, "header": read_header(path)}
            self._entries[str(path)] = entry
            self._changed = True
        header: dict[str, Any] = entry["header"]
        return header

    def save(self) -> None:
        if not self._changed:
            return
        entries = {path: entry for path, entry in self._entries.items() if _exists(path)}
        try:
            atomic.write_text(
                self._path, json.dumps({"version": _CACHE_VERSION, "entries": entries}), private=True
            )
        except OSError:  # a read-only or full disk: it is only a cache
            return


def _is_entry(entry: Any) -> bool:
    """Whether a header that was kept has every field, each of its kind."""
    if not isinstance(entry, dict) or not isinstance(entry.get("header"), dict):
        return False
    header, default = entry["header"], asdict(_Header())
    if header.keys() != default.keys() or not isinstance(header["problem"], str | None):
        return False
    kinds = {name: list if isinstance(value, tuple) else type(value) for name, value in default.items()}
    return all(type(header[name]) is kind for name, kind in kinds.items() if name != "problem")


def _exists(path: str) -> bool:
    try:
        return os.path.exists(path)
    except ValueError:  # a zero in it
        return False


def _stamp(path: Path) -> list[int]:
    target = path / (FILE if is_e5(path) else "config.json") if os.path.isdir(path) else path
    try:
        if os.path.isdir(path) and (is_adapter(path) or is_head(path)):
            target = path / (HEAD if is_head(path) else CONFIG)
        if is_pack(path):
            return stamp(path)
        status = target.stat()
    except OSError:
        return [0, 0]
    return [status.st_size, status.st_mtime_ns]


def read_header(path: Path) -> dict[str, Any]:
    """The fields of ``_Header``, fit for JSON; what is wrong with the model stands in "problem"."""
    try:
        with untrusted(path.name):  # one bad model must not hide the others
            if is_pack(path):
                header = _pack_header(path)
            elif os.path.isdir(path) and is_adapter(path):
                header = _adapter_header(path)
            elif os.path.isdir(path) and is_head(path):
                header = _head_header(path)
            else:
                header = _folder_header(path) if os.path.isdir(path) else _gguf_header(path)
    except KnownError as error:
        header = _problem(path, error)
    return asdict(header)


def _problem(path: Path, error: KnownError) -> _Header:
    """Of a model that cannot be used. Values are for a sentence: as text they survive the cache."""
    values = {"name": path.name, **{key: str(value) for key, value in error.values.items()}}
    return _Header(size=_disk_size(path), problem=error.key, problem_values=values)


def _disk_size(path: Path) -> int:
    try:
        return _folder_size(path) if os.path.isdir(path) else path.stat().st_size
    except OSError:
        return 0


def decode_bytes(file: GGUFFile) -> int:
    """Bytes of a file's weights that are read for each token. Of a table of embeddings a row is looked up,
    unless it is the output layer too; of experts those are read that are chosen."""
    family = file.metadata.get("general.architecture")
    experts = file.metadata.get(f"{family}.expert_count")
    used = file.metadata.get(f"{family}.expert_used_count")
    share = used / experts if isinstance(experts, int) and isinstance(used, int) and experts > used else 1.0
    total = 0.0
    for name, tensor in file.tensors.items():
        if name == "token_embd.weight" and "output.weight" in file.tensors:
            continue
        if name != "per_layer_token_embd.weight":
            total += tensor.nbytes * (share if "_exps." in name else 1.0)
    return int(total)


def _gguf_header(path: Path) -> _Header:
    # here, because numpy comes with them: remembered headers are listed before the window shows
    from autogpt_desktop.engine.formats.gguf import read_gguf
    from autogpt_desktop.engine.formats.gguf_mapping import config_from_gguf

    file = read_gguf(path)
    config = config_from_gguf(file)
    return _Header(
        size=sum(part.stat().st_size for part in model_files(path)),
        decode_bytes=decode_bytes(file),
        title=config.name,
        quantization=_quantization(file),
        **decoder_facts(config),
    )


def decoder_facts(config: ModelConfig) -> dict[str, Any]:
    """What a header says of any decoder, wherever its shape was read from."""
    return {
        "family": config.family,
        "languages": config.languages,
        "context": config.max_position_embeddings,
        "kv_rows": config.attention_layers * 2 * config.num_key_value_heads,
        "head_dim": config.head_dim,
        "state_bytes": 4 * config.recurrent_layers * config.recurrent_size,
    }


def _quantization(file: GGUFFile) -> str:
    """The mix that llama.cpp noted, else the type that most of the bytes have."""
    number = file.metadata.get("general.file_type")
    if isinstance(number, int) and number in _FILE_TYPES:
        return _FILE_TYPES[number]
    totals: dict[str, int] = {}
    for tensor in file.tensors.values():
        totals[tensor.type] = totals.get(tensor.type, 0) + tensor.nbytes
    return max(totals, key=lambda kind: totals[kind], default="")


def _pack_header(path: Path) -> _Header:
    """A translation pack."""
    pack = read_pack(path)
    return _Header(
        size=pack.size,
        title=pack_title(pack.pair),
        family=FAMILY,
        languages=pack.pair,
        quantization="int8",
        kind="seq2seq",
        pairs=(pack.pair,),
        comet=pack.comet,
    )


def _adapter_header(path: Path) -> _Header:
    """What an adapter says by itself; ``installed`` adds what its base says."""
    from autogpt_desktop.engine.formats.adapter import adapter_config  # see _gguf_header

    config = adapter_config(path)
    return _Header(size=_folder_size(path), title=config.title)


def _head_header(path: Path) -> _Header:
    from autogpt_desktop.engine.formats.encoder_config import LABELS  # see _gguf_header
    from autogpt_desktop.engine.formats.head_file import read_head

    head = read_head(path)
    return _Header(size=(path / HEAD).stat().st_size, title=head.title, languages=head.languages, kind=LABELS)


def _folder_header(path: Path) -> _Header:
    """A Hugging Face folder: config.json and safetensors files."""
    from autogpt_desktop.engine.formats.encoder_config import encoder_config, is_encoder  # see _gguf_header
    from autogpt_desktop.engine.formats.hf_config import config_from_folder
    from autogpt_desktop.engine.formats.seq2seq_config import is_seq2seq, seq2seq_config

    if not weight_files(path) and not is_e5(path):
        raise KnownError("model-folder-unreadable", name=path.name)
    if is_encoder(path):
        encoder = encoder_config(path)
        return _Header(
            size=_folder_size(path),
            title=path.name,
            family=encoder.family,
            languages=encoder.languages,
            context=encoder.max_tokens,
            quantization="Q4_0" if is_e5(path) else "",
            kind=encoder.head,
        )
    if is_seq2seq(path):
        seq2seq = seq2seq_config(path)
        return _Header(
            size=_folder_size(path),
            title=path.name,
            family=seq2seq.family,
            languages=seq2seq.languages,
            context=seq2seq.max_position_embeddings,
            kind="seq2seq",
            pairs=seq2seq.pairs,
        )
    config = config_from_folder(path)
    raw = json.loads(read_regular_text(path / "config.json"))
    return _Header(
        size=_folder_size(path),
        title=path.name,
        quantization=str(raw.get("torch_dtype") or raw.get("dtype") or "")[:20],
        **decoder_facts(config),
    )


def _folder_size(path: Path) -> int:
    """Bytes of the weights. Raises OSError where a link leads nowhere, or one is a pipe."""
    if is_e5(path):
        return check_regular(path / FILE).st_size
    files = weight_files(path) if not is_pack(path) else map(path.joinpath, pack_files(path))
    return sum(check_regular(file).st_size for file in files)
