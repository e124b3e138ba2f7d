"""Small packs on a server of this machine, laid out as the real ones are."""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import replace

from autogpt_desktop.catalog.entries import CatalogModel
from autogpt_desktop.catalog.pack_entries import PackSource, make_pack, packed_file
from tests.catalog.server import Site

SOURCE = PackSource("", "", "MPL-2.0", "https://www.mozilla.org/MPL/2.0/", "2025-12-15")


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def contents(pair: str, size: int = 300_000) -> dict[str, bytes]:
    """The three files of a pack, which hold nothing that a model is made of."""
    return {
        f"lex.50.50.{pair}.s2t.bin": f"lex {pair} ".encode() * (size // 20),
        f"model.{pair}.intgemm.alphas.bin": bytes(range(251)) * (size // 251) + pair.encode(),
        f"vocab.{pair}.spm": f"vocabulary {pair} ".encode() * 500,
    }


def serve_pack(
    site: Site, source: str, target: str, architecture: str = "tiny", comet: float = 0.8, size: int = 300_000
) -> CatalogModel:
    """A pack whose files the site has."""
    files = []
    for name, data in contents(source + target, size).items():
        path = f"models/{architecture}/{source}{target}/{name}.gz"
        packed = gzip.compress(data, mtime=0)
        site.files[path] = packed
        whole = (len(data), sha256(data)) if name.startswith("model.") else (0, "")
        files.append(packed_file(f"{site.address}/", path, (len(packed), sha256(packed)), whole))
    pack = make_pack((source, target), architecture, tuple(files), SOURCE, figures={"comet": comet})
    return replace(pack, name=f"firefox-{source}-{target}")
