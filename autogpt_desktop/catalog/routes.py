"""Which models translate from one language into another: packs, packs by way of English, a language model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from autogpt_desktop.catalog.installed import InstalledModel
from autogpt_desktop.catalog.packs import PIVOT, of_language

# What a pack's code is called where texts are told apart: languages that are one there.
_SAME = {"nb": "no", "nn": "no", "zh-Hans": "zh"}
KINDS = ("pack", "via", "model")  # ways to translate a pair, the best first


@dataclass(frozen=True, slots=True)
class Route:
    """A way from a language into another. ``kind``: one of KINDS, or "" where there is none."""

    kind: str
    models: tuple[str, ...] = ()  # names, in order; () where the language model of the role is asked
    via: str = ""  # the language between two packs
    quality: float = 0.0  # COMET of its packs, multiplied; 0: not known


def common_code(code: str) -> str:
    """A pack's code as texts are told apart by it: "no" for both ways to write Norwegian."""
    return _SAME.get(code, code)


def routes(
    source: str, target: str, models: Iterable[InstalledModel], language_model: InstalledModel | None = None
) -> list[Route]:
    """Every way from ``source`` into ``target``, the best first: a pack of the pair, two packs by way of
    English, and the language model, which ``language_model`` is where there is one."""
    if common_code(source) == common_code(target):
        return []
    packs = _packs(models)
    found = [Route("pack", (pack.name,), "", pack.comet) for pack in _of_pair(packs, source, target)[:1]]
    if PIVOT not in (source, target):
        first, second = _of_pair(packs, source, PIVOT), _of_pair(packs, PIVOT, target)
        if first and second:
            quality = first[0].comet * second[0].comet
            found.append(Route("via", (first[0].name, second[0].name), PIVOT, quality))
    if language_model is not None:
        found.append(Route("model"))
    return found


def choose(ways: Iterable[Route], preferred: str = "") -> Route:
    """The way to take: of the kind that the user prefers where there is one, else the best."""
    ways = list(ways)
    wished = [way for way in ways if way.kind == preferred]
    return next(iter(wished + ways), Route(""))


def judge(source: str, target: str, models: Iterable[InstalledModel]) -> str:
    """The name of the pack that can read what others translated: that of the pair, else of the other
    direction; "": none."""
    packs = _packs(models)
    found = (*_of_pair(packs, source, target)[:1], *_of_pair(packs, target, source)[:1])
    return found[0].name if found else ""


def pair_key(source: str, target: str) -> str:
    """The name of a pair in the settings."""
    return f"{common_code(source)}-{common_code(target)}"


def route(
    source: str,
    target: str,
    models: Iterable[InstalledModel],
    language_model: InstalledModel | None,
    preferred: Mapping[str, str],
) -> Route:
    """What translates a pair, as the settings' ``preferred`` has it for pairs."""
    return choose(routes(source, target, models, language_model), preferred.get(pair_key(source, target), ""))


def missing_packs(source: str, target: str, models: Iterable[InstalledModel]) -> list[str]:
    """The names of the packs of the catalog that would translate a pair and are not here; [] where nothing
    is missing, or the catalog has not all that is needed."""
    packs = _packs(models)
    hops = [(source, target)] if PIVOT in (source, target) else [(source, PIVOT), (PIVOT, target)]
    wanted = []
    for one, other in hops:
        if _of_pair(packs, one, other):
            continue
        wish = common_code(one), common_code(other)
        codes = _codes(one if other == PIVOT else other)
        offered = [pack for code in codes for pack in of_language(code) if _common(pack.pair) == wish]
        if not offered:
            return []
        wanted.append(max(offered, key=lambda pack: pack.comet).name)
    return wanted


def languages_from(models: Iterable[InstalledModel]) -> set[str]:
    """The languages that the packs which are here can translate from, directly or by way of English."""
    return {common_code(pair[0]) for pack in _packs(models) for pair in pack.pairs}


def languages_into(models: Iterable[InstalledModel]) -> set[str]:
    """Those that they can translate into."""
    return {common_code(pair[1]) for pack in _packs(models) for pair in pack.pairs}


def _packs(models: Iterable[InstalledModel]) -> list[InstalledModel]:
    return [model for model in models if model.pairs and not model.problem]


def _of_pair(packs: Iterable[InstalledModel], source: str, target: str) -> list[InstalledModel]:
    """The packs of a pair, the best first: by COMET, then the larger."""
    wanted = common_code(source), common_code(target)
    same = [pack for pack in packs if any((common_code(a), common_code(b)) == wanted for a, b in pack.pairs)]
    return sorted(same, key=lambda pack: (-pack.comet, -pack.size))


def _codes(code: str) -> list[str]:
    """The codes of packs for a language."""
    return [code, *(pack_code for pack_code, same in _SAME.items() if same == code)]


def _common(pair: Sequence[str]) -> tuple[str, str]:
    return common_code(pair[0]), common_code(pair[1])
