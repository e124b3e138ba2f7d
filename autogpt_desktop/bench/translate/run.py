"""The run: each pair of languages by each engine, in turn."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from autogpt_desktop.bench.quality.run import lines
from autogpt_desktop.bench.translate.memory import pack_memory
from autogpt_desktop.bench.translate.peers import FastTranslate, Peer, peers, vocabularies
from autogpt_desktop.catalog.pack_folder import Pack, read_pack
from autogpt_desktop.engine.interface import SearchOptions
from autogpt_desktop.engine.native.prepare import native_marian
from autogpt_desktop.engine.native.seq2seq import NativeSeq2Seq
from autogpt_desktop.engine.torch_backend.marian import MarianSeq2Seq
from autogpt_desktop.engine.translation_pack import TranslationPack, read_translation_pack
from autogpt_desktop.errors import KnownError
from autogpt_desktop.i18n import tr

SENTENCES = 400
_ROUNDS = 3  # of each engine with all sentences at most, of which the best counts
_ALONE = 100  # sentences that are asked one by one where company changes them: to compare, these are enough
_LONG_ENOUGH = 2.0  # seconds of all rounds of an engine; then there are no more
_OPTIONS = SearchOptions(max_length_factor=2.0)  # as Firefox has it
OURS, REFERENCE = "ours", "reference"


def bench_translate(options: argparse.Namespace) -> int:
    """Measure packs and print figures, or JSON. Raises KnownError: bench-data, bench-pack, and for what is
    wrong with a pack."""
    data = Path(options.data or "")
    if not options.data or not (data / "en.txt").is_file():
        raise KnownError("bench-data", folder=str(options.data or ""))
    folders = [Path(options.model)]
    if options.model == "autogpt":
        brought = FastTranslate.packs()
        folders = sorted(path for path in brought.iterdir() if path.is_dir()) if brought is not None else []
    if not folders:
        raise KnownError("bench-pack", folder="")
    result = {}
    threads = options.threads or os.cpu_count() or 1
    for folder in folders:
        pack = read_pack(folder)
        name = "-".join(pack.pair)
        print(tr("measuring: {task}", task=name), file=sys.stderr, flush=True)
        texts = [_sentences(data / f"{language}.txt", options.limit or SENTENCES) for language in pack.pair]
        found, missing = peers(pack, threads)
        for peer in missing:
            print(
                tr("{name} is not here for this pack and is left out.", name=peer),
                file=sys.stderr,
                flush=True,
            )
        try:
            result[name] = measure(pack, found, *texts, threads=threads)
        finally:
            for peer_ in found:
                peer_.close()
        result[name]["memory"] = pack_memory(pack, texts[0][0])
    print(json.dumps(result, indent=2) if options.json else "\n".join(lines(result)))
    return 0


class _Ours:
    """Our engine as the others are called."""

    def __init__(self, pack: Pack, threads: int, reference: bool) -> None:
        started = time.perf_counter()
        self.pack: TranslationPack = read_translation_pack(
            pack.files["model"], *vocabularies(pack), pack.files.get("lex")
        )
        self.model: NativeSeq2Seq | MarianSeq2Seq
        if reference:
            self.model = MarianSeq2Seq(self.pack.model)
        else:
            self.model = native_marian(self.pack.model, threads=threads)
        self.name = REFERENCE if reference else OURS
        self.depends_on_others = False
        self.load_s = time.perf_counter() - started

    def translate(self, sentences: Sequence[str]) -> list[str]:
        return self.translate_together(sentences)

    def translate_together(self, sentences: Sequence[str]) -> list[str]:
        sources = [self.pack.encode(sentence)[0] for sentence in sentences]
        return [self.pack.decode(best[0].ids).text for best in self.model.translate(sources, _OPTIONS)]

    def close(self) -> None:
        pass


def measure(
    pack: Pack, others: Sequence[Peer], sentences: list[str], references: list[str], *, threads: int
) -> dict[str, Any]:
    """The figures of one pair, as the package's docstring says."""
    import sacrebleu

    engines: list[Peer] = [
        _Ours(pack, threads, reference=False),
        _Ours(pack, threads, reference=True),
        *others,
    ]
    words = sum(len(sentence.split()) for sentence in sentences)
    texts: dict[str, list[str]] = {}
    rounds: dict[str, list[float]] = {engine.name: [] for engine in engines}
    for _ in range(_ROUNDS):
        for engine in engines:  # in turn, so that what else the machine does slows all of them
            if rounds[engine.name] and sum(rounds[engine.name]) >= _LONG_ENOUGH:
                continue
            started = time.perf_counter()
            texts[engine.name] = engine.translate_together(sentences)
            rounds[engine.name].append(time.perf_counter() - started)
    alone = {
        engine.name: engine.translate(sentences[:_ALONE]) if engine.depends_on_others else texts[engine.name]
        for engine in engines
    }
    seconds = {name: min(times) for name, times in rounds.items()}
    stripped = {name: [text.strip() for text in found] for name, found in alone.items()}
    identical = {}
    for ours in (OURS, REFERENCE):
        of_peers = [stripped[peer.name] for peer in others]
        shares = {
            peer.name: _share([text == other for text, other in zip(stripped[ours], found, strict=False)])
            for peer, found in zip(others, of_peers, strict=True)
        }
        either = [text in found for text, *found in zip(stripped[ours], *of_peers, strict=False)]
        identical[ours] = {**shares, "either": _share(either)}
    return {
        "sentences": len(sentences),
        "words": words,
        "threads": threads,
        "engines": {
            engine.name: {
                "bleu": sacrebleu.corpus_bleu(texts[engine.name], [references]).score,
                "chrf": sacrebleu.corpus_chrf(texts[engine.name], [references]).score,
                "words_per_s": words / seconds[engine.name],
                "load_s": engine.load_s,
                "rounds": len(rounds[engine.name]),
            }
            for engine in engines
        },
        "identical": identical,
    }


def _share(values: Sequence[bool]) -> float:
    return sum(values) / max(1, len(values))


def _sentences(path: Path, count: int) -> list[str]:
    """Raises KnownError("bench-data")."""
    if not path.is_file():
        raise KnownError("bench-data", folder=str(path))
    return path.read_text(encoding="utf-8").splitlines()[:count]
