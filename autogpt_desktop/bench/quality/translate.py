"""How good translations are: sentences of FLORES against their references, beside plain three-shot.

The baseline is what anybody would try first: three examples, the likeliest token, up to the line's end,
nothing checked. Its template and examples are ``PLAIN`` rows of ``resources/prompts/translate.toml`` as
``prompts.translation_prefix`` writes them. Everything is scored by sacrebleu, and compared by paired
bootstrap (Koehn 2004).
"""

from __future__ import annotations

import hashlib
import random
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autogpt_desktop import paths
from autogpt_desktop.bench.quality.fit_seq2seq import fit_seq2seq, measure_seq2seq
from autogpt_desktop.bench.quality.fit_translate import error, fit, usable, write
from autogpt_desktop.documents.run_results import ResultLines
from autogpt_desktop.documents.text.glossary import Glossary
from autogpt_desktop.engine.generation.batch import Continuation, generate
from autogpt_desktop.engine.generation.engine import Engine
from autogpt_desktop.engine.generation.seq2seq import Seq2SeqEngine
from autogpt_desktop.engine.load import run_to_end
from autogpt_desktop.errors import KnownError
from autogpt_desktop.tasks.prompts import TRANSLATION_ENDS, translation_line, translation_prefix
from autogpt_desktop.tasks.translate.candidates import choices
from autogpt_desktop.tasks.translate.confidence import signals
from autogpt_desktop.tasks.translate.prompts import SourceSentence
from autogpt_desktop.tasks.translate.translate import QUALITIES, Translation, translate_many

if TYPE_CHECKING:
    from autogpt_desktop.engine.model_pool import Models

FITTED = (("en", "fr"), ("en", "zh"), ("zh", "en"))  # pairs that the confidence is fitted to
PAIRS = (("en", "fr"), ("fr", "en"), ("en", "es"), ("en", "de"), ("en", "zh"), ("zh", "en"))
PLAIN = (5, 6, 7)  # examples of the baseline: the best of those tried on 32 sentences of en → fr
SENTENCES = 200
LEAST_QUICK = 16  # sentences of the quality "quick"
_TOGETHER = 64  # sentences of ours that share passes
_BATCH = 32  # sequences alive at once
_RESAMPLES = 1000
_ALONE = 12  # sentences that are translated by themselves, with and without the kept examples
KEPT = "examples"  # the name of those figures


def measure_translate(models: Models, data_dir: Path, limit: int = 0, seed: int = 0) -> dict[str, Any]:
    """For each pair: chrF and BLEU of the baseline and of every quality, p of the difference in chrF, the
    share of sentences that are flagged, how many bad ones are not, and how far the confidence is from the
    share that is of use. "quick" translates a quarter of the sentences. And KEPT: what keeping the state
    of the examples saves.

    What is done is kept, pair by pair, so a run that was ended goes on. Encoder–decoders have no
    baseline: see ``measure_seq2seq``. Raises KnownError("bench-data")."""
    loaded = run_to_end(models.get("translate"))
    if isinstance(loaded, Seq2SeqEngine):
        return measure_seq2seq(loaded, data_dir, limit)
    engine = _language_model(models)
    with _measured(engine, data_dir, limit or SENTENCES, seed) as measured:
        for source, target in PAIRS:
            name = f"{source}-{target}"
            if name not in measured:
                measured[name] = _pair(engine, models, data_dir, source, target, limit or SENTENCES, seed)
        if KEPT not in measured:
            measured[KEPT] = _kept_examples(engine, models, data_dir, limit or SENTENCES, seed)
        names = [*(f"{source}-{target}" for source, target in PAIRS), KEPT]
        return {name: measured[name] for name in names}


def _kept_examples(engine: Engine, models: Models, data_dir: Path, limit: int, seed: int) -> dict[str, float]:
    """Seconds that a sentence takes by itself ("quick"), with the state of the examples kept and where they
    are read anew each time."""
    source, target = PAIRS[0]
    texts, _ = _sample(data_dir, source, target, min(limit, _ALONE), seed)
    prompt_cache, seconds = engine.prompt_cache, {"kept": 0.0, "read each time": 0.0}
    files, prompt_cache.files = prompt_cache.files, None  # nothing is written meanwhile
    try:
        list(translate_many(models, ["Hello."], source, target))
        for text in texts:
            for how in seconds:  # one after the other, so that both see the same machine
                if how != "kept":
                    prompt_cache.forget("translate")
                _, took = _timed(lambda text=text: list(translate_many(models, [text], source, target)))
                seconds[how] += took / len(texts)
    finally:
        prompt_cache.files = files
    return seconds | {"times faster": seconds["read each time"] / seconds["kept"]}


def fit_translate(models: Models, data_dir: Path, limit: int = 0, seed: int = 0) -> dict[str, Any]:
    """Fit the confidence to ``limit`` (60) sentences of each of FITTED that are not measured with this
    ``seed``, and write it; see ``fit_seq2seq`` where the model is an encoder–decoder.
    Raises KnownError("bench-data")."""
    if isinstance(run_to_end(models.get("translate")), Seq2SeqEngine):
        return fit_seq2seq(models, data_dir)
    engine = _language_model(models)
    rows: dict[str, list[dict[str, float]]] = {"quick": [], "best": []}
    useful: dict[str, list[bool]] = {"quick": [], "best": []}
    for source, target in FITTED:
        texts, references = _sample(data_dir, source, target, limit or 60, seed, measured=False)
        wishes = [SourceSentence(text, source) for text in texts]
        for quality in QUALITIES:
            for text, reference, one in zip(
                texts,
                references,
                run_to_end(choices(engine, wishes, target, Glossary(), quality, lambda: False)),
                strict=True,
            ):
                made = one.candidate
                found = signals(text, made.text, source, target, made.logprob, made.flags, one.agreement)
                rows[quality].append(found)
                useful[quality].append(_usable([made.text], [reference], target)[0])
        print(f"{source}-{target}", file=sys.stderr, flush=True)
    weights = {quality: fit(rows[quality], useful[quality]) for quality in QUALITIES}
    command = f"autogpt-desktop bench quality --task translate --fit --model {engine.name} --data DIR"
    write(weights, f"{len(rows['best'])} sentences of FLORES dev, {len(FITTED)} pairs: {command}")
    return weights


def _language_model(models: Models) -> Engine:
    """Raises KnownError("model-not-for-role") for another kind: what is measured are prompts."""
    engine = run_to_end(models.get("translate"))
    if not isinstance(engine, Engine):
        raise KnownError("model-not-for-role", name=engine.name)
    return engine


def _measured(engine: Engine, data_dir: Path, limit: int, seed: int) -> ResultLines[str, dict[str, Any]]:
    """Figures of the pairs that are measured, in a file of the cache, as long as nothing else changed."""
    code = Path(__file__).parents[2]
    files = [*code.glob("tasks/translate/*.py"), code / "tasks" / "prompts.py", Path(__file__)]
    files += [paths.resources() / place for place in ("prompts/translate.toml", "calibration/translate.json")]
    files += data_dir.glob("flores-dev/*.txt")
    digest = hashlib.sha256(repr((engine.name, engine.weight_bytes, limit, seed)).encode())
    for file in sorted(files):
        digest.update(file.read_bytes())
    path = paths.cache_dir() / "bench" / f"translate-{digest.hexdigest()[:16]}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    return ResultLines(path, str, lambda figures: [figures], dict)


def _sample(
    data_dir: Path, source: str, target: str, limit: int, seed: int, measured: bool = True
) -> tuple[list[str], list[str]]:
    """Sentences and their references, always the same for a ``seed``; those that are never measured with
    it where not ``measured``."""
    texts, references = (_lines(data_dir, language) for language in (source, target))
    every = range(len(texts))
    chosen = random.Random(seed).sample(every, min(limit if measured else SENTENCES, len(texts)))
    if not measured:
        chosen = random.Random(seed).sample(sorted({*every} - {*chosen}), limit)
    return [texts[at] for at in sorted(chosen)], [references[at] for at in sorted(chosen)]


def _pair(
    engine: Engine, models: Models, data_dir: Path, source: str, target: str, limit: int, seed: int
) -> dict[str, Any]:
    texts, references = _sample(data_dir, source, target, limit, seed)
    plain, seconds = _timed(lambda: three_shot(engine, texts, source, target))
    figures: dict[str, Any] = {"sentences": len(texts), "three-shot": {"seconds": seconds}}
    usual = sum(map(len, references)) / sum(map(len, texts))
    figures["three-shot"]["bad"] = sum(
        is_bad(text, other, usual, target) for text, other in zip(texts, plain, strict=True)
    )
    for quality in reversed(QUALITIES):
        count = len(texts) if quality == "best" else max(min(len(texts), LEAST_QUICK), len(texts) // 4)
        events, seconds = _timed(
            lambda quality=quality, count=count: list(
                translate_many(models, texts[:count], source, target, quality=quality, most=_TOGETHER)
            )
        )
        found = [event for event in events if isinstance(event, Translation)]
        made, sure = [one.text for one in found], [one.confidence for one in found]
        wrong = [is_bad(a, b, usual, target) for a, b in zip(texts[:count], made, strict=True)]
        values = scores({"three-shot": plain[:count], quality: made}, references[:count], target)
        if quality == "best":
            figures["three-shot"] |= values["three-shot"]
        useful = _usable(made, references[:count], target)
        figures[quality] = values[quality] | {
            "sentences": count,
            "seconds": seconds,
            "three-shot chrF2": values["three-shot"]["chrF2"],
            "flagged": sum(bool(item.flags) for item in found) / len(found),
            "bad": sum(wrong),
            "bad_unmarked": sum(bad and not item.flags for bad, item in zip(wrong, found, strict=True)),
            "confidence_chrf": _agreement(sure, made, references[:count]),
            "usable": sum(useful) / count,
            "confidence": sum(sure) / count,
            "confidence_ece": error(sure, useful),
        }
        print(
            f"{source}-{target} {quality}: chrF {values[quality]['chrF2']:.1f}, three-shot"
            f" {values['three-shot']['chrF2']:.1f}, {seconds:.0f} s",
            file=sys.stderr,
            flush=True,
        )
    return figures


def _usable(made: Sequence[str], references: Sequence[str], target: str) -> list[bool]:
    from sacrebleu.metrics.chrf import CHRF

    metric = CHRF()
    pairs = zip(made, references, strict=True)
    return [usable(metric.sentence_score(one, [other]).score, target) for one, other in pairs]


def three_shot(engine: Engine, texts: Sequence[str], source: str, target: str) -> list[str]:
    """The baseline's translations."""
    encode = engine.tokenizer.encode
    prefix = encode(translation_prefix(source, target, PLAIN), add_special=True)
    state = run_to_end(engine.prefix_state(prefix, "bench", save=False))
    prompts = [encode(translation_line(source, target, text), add_special=False) for text in texts]
    limits = [16 + 3 * len(prompt) for prompt in prompts]
    made = [""] * len(texts)
    for step in generate(
        engine, prompts, prefix=state, max_tokens=limits, stop=(TRANSLATION_ENDS,), batch=_BATCH
    ):
        if isinstance(step, Continuation):
            made[step.index] = step.text.strip()
    return made


def scores(made: dict[str, list[str]], references: Sequence[str], target: str) -> dict[str, dict[str, float]]:
    """chrF, BLEU, and the p-value of chrF's difference to the first of ``made``."""
    from sacrebleu.metrics.bleu import BLEU
    from sacrebleu.metrics.chrf import CHRF
    from sacrebleu.significance import PairedTest

    metrics: dict[str, Any] = {"chrF": CHRF(references=[list(references)])}
    metrics["BLEU"] = BLEU(tokenize="zh" if target == "zh" else "13a", references=[list(references)])
    test = PairedTest(list(made.items()), metrics, references=None, test_type="bs", n_samples=_RESAMPLES)
    _, results = test()
    table: dict[str, Any] = dict(results)
    found: dict[str, dict[str, float]] = {}
    for at, name in enumerate(table["System"]):
        name = name.removeprefix("Baseline: ")
        found[name] = {metric: values[at].score for metric, values in table.items() if metric != "System"}
        chrf = next(values[at] for metric, values in table.items() if metric.startswith("chrF"))
        if chrf.p_value is not None:
            found[name]["p"] = chrf.p_value
    return found


def is_bad(source: str, translation: str, usual: float, target: str) -> bool:
    """Under half or over 2.5 times the usual length, a phrase of four three times, or the source itself."""
    ratio = len(translation) / max(len(source), 1) / usual
    parts = list("".join(translation.split())) if target in ("zh", "ja") else translation.lower().split()
    phrases = Counter(tuple(parts[at : at + 4]) for at in range(len(parts) - 3))
    loops = bool(phrases) and max(phrases.values()) >= 3
    return not 0.5 <= ratio <= 2.5 or loops or translation.strip() == source.strip()


def _agreement(confidences: Sequence[float], made: Sequence[str], references: Sequence[str]) -> float:
    """Spearman's correlation of confidence with each sentence's chrF."""
    from sacrebleu.metrics.chrf import CHRF

    metric = CHRF()
    values = [metric.sentence_score(a, [b]).score for a, b in zip(made, references, strict=True)]
    one, other = _ranks(confidences), _ranks(values)
    middle = (len(one) - 1) / 2
    spread = sum((rank - middle) ** 2 for rank in range(len(one)))
    shared = sum((a - middle) * (b - middle) for a, b in zip(one, other, strict=True))
    return shared / spread if spread else 0.0


def _ranks(values: Sequence[float]) -> list[int]:
    ranks = [0] * len(values)
    for rank, at in enumerate(sorted(range(len(values)), key=values.__getitem__)):
        ranks[at] = rank
    return ranks


def _timed(work: Any) -> tuple[Any, float]:
    started = time.perf_counter()
    return work(), time.perf_counter() - started


def _lines(data_dir: Path, language: str) -> list[str]:
    path = data_dir / "flores-dev" / f"{language}.txt"
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise KnownError("bench-data", folder=str(path.parent)) from error
