"""Random packs of every shape that Firefox has, against what another engine says to them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from autogpt_desktop.engine.interface import SearchOptions
from autogpt_desktop.engine.torch_backend.marian import MarianSeq2Seq
from autogpt_desktop.engine.translation_pack import read_translation_pack
from tests.engine.golden_packs import GOLDEN, SENTENCES, SHAPES
from tests.marian import write_tiny_pack

pytestmark = pytest.mark.slow  # weights of full size


@pytest.mark.parametrize("name", SHAPES)
def test_a_pack_says_what_bergamot_says(tmp_path: Path, name: str) -> None:
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))[name]
    files = write_tiny_pack(tmp_path, **SHAPES[name])
    source, target = (files.get("vocab") or files[f"{side}vocab"] for side in ("src", "trg"))
    pack = read_translation_pack(files["model"], source, target, files["lex"])
    model = MarianSeq2Seq(pack.model, fine=False)
    sources = [pack.encode(sentence)[0] for sentence in SENTENCES]
    found = [
        pack.decode(best[0].ids).text for best in model.translate(sources, SearchOptions(max_length_factor=2))
    ]
    same = [one == other for one, other in zip(found, golden, strict=True)]
    # Roundings of 8 bits differ with the order of sums, and what nobody trained goes on as it began: a near
    # tie at the start may fall to the other side. Whatever is computed wrongly leaves none.
    assert sum(same) >= len(same) // 2, list(zip(found, golden, strict=True))
