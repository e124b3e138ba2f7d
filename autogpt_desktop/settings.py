"""One dataclass of settings, kept in a JSON file."""

from __future__ import annotations

import copy
import json
import os
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from autogpt_desktop import atomic, paths
from autogpt_desktop.errors import KnownError
from autogpt_desktop.i18n import tr

THEMES = ("system", "light", "dark")
QUANTIZE = ("int8", "int4", "")  # what float weights become; "": they stay as they are
DEVICES = ("auto", "cpu", "cuda", "mps")
BILINGUAL = ("", "under", "beside")  # where a translation stands, if its file has the original too
KV_CACHES = ("float16", "int8")
PACKED_COPIES = ("auto", "never")  # of packed weights, kept on the disk: where they save time, or nowhere
ROLES = ("chat", "translate", "answer", "embed", "sentiment")  # what a model can be used for
ZOOM_RANGE = (0.5, 3.0)
MAX_FILE = 4 * 2**20  # bytes; a larger settings file is not ours

_BALANCED: dict[str, Any] = {
    "temperature": 0.4,  # cool: the models people begin with are small and lose the thread when warm
    "top_k": 40,
    "top_p": 0.9,
    "min_p": 0.1,
    "repetition_penalty": 1.1,  # without one, small models go round in circles
    "seed": None,
    "stop": [],
    "max_tokens": 1024,
    "thinking": True,
    "schema": "",
}


def sampling_fits(name: str, value: Any) -> bool:
    """Whether ``value`` can be used for one setting of ``engine.config.Sampling``. Others, which a newer
    version may know, always fit."""
    if name == "seed":
        return value is None or (_is_whole(value) and abs(value) < 2**63)
    if name == "stop":
        return isinstance(value, list) and all(isinstance(item, str) for item in value)
    default = _BALANCED.get(name)
    if isinstance(default, bool | str):
        return isinstance(value, type(default))
    if isinstance(default, int):
        return _is_whole(value) and 0 <= value < 2**31  # what a field for numbers can show
    return default is None or (_is_number(value) and value >= 0)


def built_in_presets() -> list[dict[str, Any]]:
    """The presets every installation starts with: ``name``, ``system_prompt``, ``sampling``, ``built_in``.

    ``sampling`` holds the fields of ``engine.config.Sampling``.
    """
    changes: dict[str, dict[str, Any]] = {
        "Balanced": {},
        "Precise": {"temperature": 0.2, "repetition_penalty": 1.05},
        "Creative": {"temperature": 1.0, "top_k": 0, "top_p": 0.98, "min_p": 0.03},
        "Deterministic": {
            "temperature": 0.0,
            "top_k": 0,
            "top_p": 1.0,
            "min_p": 0.0,
            "repetition_penalty": 1.0,
        },
    }
    return [
        {
            "name": name,
            "system_prompt": "",
            "sampling": copy.deepcopy(_BALANCED) | change,
            "built_in": True,
        }
        for name, change in changes.items()
    ]


def preset_title(preset: dict[str, Any]) -> str:
    """A preset's name as people read it: built-in ones are translated, their own are theirs."""
    name = str(preset.get("name", ""))
    if not preset.get("built_in"):
        return name
    titles = {
        "Balanced": tr("Balanced"),
        "Precise": tr("Precise"),
        "Creative": tr("Creative"),
        "Deterministic": tr("Deterministic"),
    }
    return titles.get(name, name)


@dataclass
class Settings:
    """What a user chose. ``load`` never fails on a bad file; ``save`` is atomic."""

    language: str = ""  # "": follow the system
    theme: str = "system"
    zoom: float = 1.0
    default_model: str = ""  # for the role "chat"
    roles: dict[str, str] = field(default_factory=dict)  # the models chosen for the other roles
    device: str = "auto"
    quantize: str = "int8"
    send_with_enter: bool = True
    presets: list[dict[str, Any]] = field(default_factory=built_in_presets)
    window_geometry: str = ""
    layout: str = ""
    last_conversation: int = 0
    last_collection: str = ""  # the id of the files that questions were asked about
    open_questions: dict[str, str] = field(default_factory=dict)  # ids by "files" and "text"
    ask_about: str = "files"  # or "text": what the Questions panel was left at
    notify: bool = True
    context_length: int = 0  # 0: the model's own
    unload_minutes: int = 30  # after which models that nobody uses give their memory back; 0: never
    packed_copies: str = "auto"
    kv_cache: str = "float16"  # what the processor keeps a conversation in; int8 takes half the memory
    translate_pair: list[str] = field(default_factory=list)  # "auto" or a language, and a language
    translate_recent: list[str] = field(default_factory=list)  # languages, the last used first
    translate_files: list[str] = field(default_factory=list)  # unfinished: path, languages, folder as JSON
    translate_models: dict[str, str] = field(default_factory=dict)  # preferred by pair: "en-pt": "model"
    translate_comments: bool = False  # those in DOCX files too
    translate_bilingual: str = ""  # a translated file has the original too: one of BILINGUAL
    tray: bool = False  # an icon in the system tray, which opens the quick translation
    translate_page: str = "text"  # or "files": what the Translate panel was left at
    keep_translations: bool = True
    sentiment_labels: str = ""  # the head whose own labels Sentiment judges by; "": positive and negative
    keep_verdicts: bool = True  # the list of what was judged in Sentiment
    server: bool = False  # other programs may use the models while the window is open …
    server_port: int = 8642  # … at this port …
    server_network: bool = False  # … and other computers too
    acknowledged: list[str] = field(default_factory=list)  # one-time notices that were read
    sentiment_table: list[str] = field(
        default_factory=list
    )  # of the latest run: path, sheet, column, delimiter, row of the header

    # Not saved themselves:
    path: Path | None = field(default=None, repr=False, compare=False)
    set_aside: Path | None = field(default=None, repr=False, compare=False)  # a damaged file's new name
    extra: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)  # a newer version's keys

    @classmethod
    def load(cls, path: Path | None = None) -> Settings:
        """Read the settings; what is missing or senseless keeps its default.

        A damaged file is renamed to ``settings.json.bak`` and named in ``set_aside``, so that the
        window can say so; nothing a user wrote is thrown away.
        """
        path = path or paths.config_dir() / "settings.json"
        settings = cls(path=path)
        try:
            if path.stat().st_size > MAX_FILE:
                raise ValueError("too large")
            values = json.loads(path.read_text(encoding="utf-8-sig"))  # some editors write a mark
            if not isinstance(values, dict):
                raise ValueError("not an object")
        except FileNotFoundError:
            return settings
        except (OSError, ValueError, RecursionError):
            settings.set_aside = _moved_aside(path)
            return settings
        for item in _saved_fields():
            if item in values:
                value = _checked(item, values.pop(item), getattr(settings, item))
                setattr(settings, item, value)
        settings.extra = values
        return settings

    def save(self) -> None:
        """Write the file anew and swap it in: a crash leaves the old or the new one, never half.

        Raises KnownError("settings-not-saved").
        """
        path = self.path or paths.config_dir() / "settings.json"
        values = {**self.extra, **{item: getattr(self, item) for item in _saved_fields()}}
        text = json.dumps(values, ensure_ascii=False, indent=2) + "\n"
        try:
            paths.make_private(path.parent)
            atomic.write_text(path, text, private=True, durable=True)
        except OSError as error:
            raise KnownError("settings-not-saved", path=str(path), reason=error.strerror) from error

    def preset(self, name: str) -> dict[str, Any]:
        """The preset of that name, or else the first."""
        return next((item for item in self.presets if item["name"] == name), self.presets[0])


def _saved_fields() -> list[str]:
    return [item.name for item in fields(Settings) if item.name not in ("path", "set_aside", "extra")]


def _moved_aside(path: Path) -> Path | None:
    """Rename a damaged file to the first free ``.bak`` name; None where the folder refuses."""
    names = [path.with_name(f"{path.name}.bak")]
    names += [path.with_name(f"{path.name}.bak{number}") for number in range(2, 10)]
    target = next((name for name in names if not os.path.exists(name)), names[-1])
    try:
        os.replace(path, target)
    except OSError:
        return None  # saving will say that the folder refuses
    return target


_ALLOWED = {
    "theme": THEMES,
    "device": DEVICES,
    "kv_cache": KV_CACHES,
    "quantize": QUANTIZE,
    "packed_copies": PACKED_COPIES,
    "translate_bilingual": BILINGUAL,
}


def packed_copies(settings: Settings) -> str:
    """The setting, or what the variable AUTOGPT_DESKTOP_PACKED_COPIES says instead."""
    value = os.environ.get("AUTOGPT_DESKTOP_PACKED_COPIES", "")
    return value if value in PACKED_COPIES else settings.packed_copies


def _checked(name: str, value: Any, default: Any) -> Any:
    """``value`` if it makes sense for the field ``name``, else ``default``."""
    if isinstance(default, bool):
        return value if isinstance(value, bool) else default
    if isinstance(default, float):
        if not _is_number(value):
            return default
        return min(max(float(value), ZOOM_RANGE[0]), ZOOM_RANGE[1])
    if name == "server_port":
        return value if _is_whole(value) and 1024 <= value < 1 << 16 else default
    if isinstance(default, int):
        fine = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63
        return value if fine else default
    if isinstance(default, str):
        allowed = _ALLOWED.get(name)
        return value if isinstance(value, str) and (allowed is None or value in allowed) else default
    if name == "roles":
        pairs = value.items() if isinstance(value, dict) else ()
        return {role: model for role, model in pairs if role in ROLES[1:] and isinstance(model, str)}
    if name == "translate_models":
        pairs = value.items() if isinstance(value, dict) else ()
        return {pair: kind for pair, kind in pairs if kind in ("pack", "via", "model")}
    if name == "open_questions":
        pairs = value.items() if isinstance(value, dict) else ()
        return {mode: one for mode, one in pairs if mode in ("files", "text") and isinstance(one, str)}
    if name in ("acknowledged", "translate_pair", "translate_recent", "translate_files", "sentiment_table"):
        return [item for item in value if isinstance(item, str)] if isinstance(value, list) else default
    presets = [preset for preset in map(_checked_preset, value) if preset] if isinstance(value, list) else []
    return presets or default


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    """A number that arithmetic can use: no NaN, no infinity, no integer beyond every float."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e15


def _checked_preset(preset: Any) -> dict[str, Any] | None:
    if not isinstance(preset, dict) or not isinstance(preset.get("name"), str) or not preset["name"]:
        return None
    prompt, sampling = preset.get("system_prompt", ""), preset.get("sampling", {})
    if not isinstance(prompt, str) or not isinstance(sampling, dict):
        return None
    known = {}
    for key, default in _BALANCED.items():
        # presets of before these were there stay as they are
        if key in ("thinking", "schema") and key not in sampling:
            continue
        value = sampling.get(key, default)
        known[key] = value if sampling_fits(key, value) else copy.copy(default)
    return {**preset, "system_prompt": prompt, "sampling": known}
