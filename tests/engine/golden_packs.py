"""Packs of the shapes that Firefox has, and what bergamot-translator says to them.

``python -m tests.engine.golden_packs`` writes tests/data/golden_packs.json anew. It needs Node and the npm
package @browsermt/bergamot-translator in a ``node_modules`` folder here or above, or under NODE_PATH.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from autogpt_desktop.bench.translate.peers import Bergamot
from autogpt_desktop.catalog.pack_folder import Pack
from tests.marian import write_tiny_pack

GOLDEN = Path(__file__).resolve().parents[1] / "data" / "golden_packs.json"
TINY: dict[str, Any] = {"dim": 256, "ffn": 1536, "encoder_layers": 6, "decoder_layers": 2}
MEMORY: dict[str, Any] = {"dim": 384, "ffn": 1536, "encoder_layers": 6, "decoder_layers": 4}
BASE: dict[str, Any] = {"dim": 512, "ffn": 2048, "encoder_layers": 6, "decoder_layers": 2}
SHAPES: dict[str, dict[str, Any]] = {
    "tiny": TINY,
    "base-memory": MEMORY,
    "base-memory, split": MEMORY | {"split": True},
    "base": BASE,
    "base, split": BASE | {"split": True},
    "tiny, nothing tied": TINY | {"split": True, "tied": "none"},
}
SENTENCES = [
    *(
        "the tea. tin sea",
        "atone .ate eat, sin",
        "a",
        "in tin tan the his",
        "ore hero. rate",
        "THE TIN, the.",
    ),
    *("nothing is here and that is all, there", "sad, red. old", "e t a o i n s h r d l u", "unit on it"),
]


def main() -> int:
    package, node = Bergamot.package(), shutil.which("node")
    if package is None or node is None:
        print("Node or @browsermt/bergamot-translator is not here", file=sys.stderr)
        return 1
    found = {}
    for name, shape in SHAPES.items():
        with tempfile.TemporaryDirectory() as folder:
            files = write_tiny_pack(Path(folder), **shape)
            peer = Bergamot(Pack(("a", "b"), files, 0), 1, package, node)
            found[name] = peer.translate(SENTENCES)
            peer.close()
    told = {"engine": f"bergamot-translator {peer.version}", "command": "python -m tests.engine.golden_packs"}
    GOLDEN.write_text(json.dumps(told | found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
