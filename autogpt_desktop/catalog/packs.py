"""The translation packs that can be fetched: those that ship, and those of a newer index."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from autogpt_desktop.catalog.entries import CatalogModel, catalog
from autogpt_desktop.catalog.pack_entries import PREFIX, shipped
from autogpt_desktop.catalog.pack_index import fetch_index, index_path, load_index, merged
from autogpt_desktop.events import Progress, Result

PIVOT = "en"  # the language that every pack translates from or into


@dataclass(frozen=True, slots=True)
class NewerPacks:
    """What the newest index has: so many packs, and those that were not known so before."""

    count: int
    new: tuple[CatalogModel, ...]


def update() -> Iterator[Progress | Result]:
    """Fetch the newest index, only after a click: last a Result of NewerPacks. Raises as ``fetch_index``."""
    before = set(packs().values())
    yield from fetch_index()
    now = packs().values()
    yield Result(NewerPacks(len(now), tuple(pack for pack in now if pack not in before)))


def packs() -> dict[str, CatalogModel]:
    """The packs that can be fetched, by name: of a newer index too where one was asked for."""
    try:
        state = index_path().stat()
    except OSError:  # nobody has asked for one
        return shipped()[1]
    return _with_index(state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=1)
def _with_index(_time: int, _size: int) -> dict[str, CatalogModel]:
    source, ours = shipped()
    newer = load_index(index_path(), source)
    return merged(ours, newer) if newer else ours


def find_entry(name: str) -> CatalogModel | None:
    """The model or the pack of that name."""
    entry = catalog().get(name)
    if entry is None and name.startswith(f"{PREFIX}-"):
        entry = packs().get(name)
    return entry


def best(source: str, target: str) -> CatalogModel | None:
    """The pack that is offered for a pair: it has the pair's name."""
    return packs().get(f"{PREFIX}-{source}-{target}")


def lighter(pack: CatalogModel) -> CatalogModel | None:
    """The smallest pack of the same pair that is smaller, where there is one."""
    same = [entry for entry in packs().values() if entry.pair == pack.pair]
    smallest = min(same, key=lambda entry: entry.download_size, default=pack)
    return smallest if smallest.download_size < pack.download_size else None


def languages() -> list[str]:
    """The languages, without English, that some pack translates. Of two packs for the same script one is
    enough: "zh" is written in simplified characters, as "zh-Hans" is."""
    codes = {code for pack in packs().values() for code in pack.pair}
    return sorted(code for code in codes - {PIVOT} if code != "zh-Hans" or "zh" not in codes)


def shown_code(code: str) -> str:
    """A pack's code as it is named to people, who must see which script it writes."""
    return "zh-Hans" if code == "zh" else code


def of_language(code: str) -> list[CatalogModel]:
    """The packs to fetch for a language: the best from English, and the best into it, as there are."""
    found = [best(PIVOT, code), best(code, PIVOT)]
    return [pack for pack in found if pack is not None]
