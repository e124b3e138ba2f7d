"""Real translation packs, which set-up fetches for the tests."""

from __future__ import annotations

from autogpt_desktop.engine.generation.seq2seq import Seq2SeqEngine
from autogpt_desktop.engine.load import run_to_end
from autogpt_desktop.engine.load_pack import load_pack
from tests.tiers import real_weights


def pack_engine(source: str, target: str) -> Seq2SeqEngine:
    """The pack of a pair, as the app loads it."""
    name = f"model.{source}{target}.intgemm.alphas.bin"
    return run_to_end(load_pack(real_weights(f"for-tests/firefox-{source}-{target}", name).parent))
