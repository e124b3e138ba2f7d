"""Whether a model fits, with how long a context, how fast: told before it is loaded, learned from after."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from autogpt_desktop import paths
from autogpt_desktop.catalog import estimate, machine, measured
from autogpt_desktop.catalog.entries import CatalogModel, catalog
from autogpt_desktop.catalog.estimate import FITS, TIGHT, TOO_BIG, on_device, record
from autogpt_desktop.catalog.headers import decode_bytes
from autogpt_desktop.catalog.machine import CUDA, Device
from autogpt_desktop.catalog.measured import Measured
from autogpt_desktop.engine.formats.gguf import read_gguf
from autogpt_desktop.settings import Settings
from tests.tiny import write_tiny_gguf

GB = 10**9
LAPTOP = Device("cpu", "a laptop", 16 * GB, 8 * GB, 40e9)


def model(size: int = 2 * GB, name: str = "some") -> CatalogModel:
    """Of ``size`` bytes, 4 bits, with 100 kB of cache a token."""
    file = replace(catalog()["smollm2-135m-instruct"].files[0], size=size)
    entry = catalog()["smollm2-135m-instruct"]
    return replace(
        entry, name=name, files=(file,), context=32768, kv_rows=400, head_dim=128, quantization="Q4_K_M"
    )


def fit(size: int, device: Device = LAPTOP, known: Measured | None = None) -> estimate.Fit:
    return on_device(model(size), Settings(), device, known or measured.load())


def test_fits_tight_too_big() -> None:
    assert [fit(size).level for size in (2 * GB, 6 * GB, 20 * GB)] == [FITS, TIGHT, TOO_BIG]
    assert fit(20 * GB).context == 0
    # where the system does not say how much there is, nothing is refused
    assert fit(20 * GB, replace(LAPTOP, memory=0, free=0)).level == FITS


def test_the_largest_context_is_what_there_is_room_for() -> None:
    small, large = fit(1 * GB), fit(int(4.5 * GB))
    assert small.context == 32768  # all that the model can
    assert 4096 < large.context < 32768
    room = on_device(model(int(4.5 * GB)), Settings(context_length=large.context), LAPTOP, measured.load())
    assert 0.97 * LAPTOP.free < room.needed <= LAPTOP.free
    half = on_device(model(int(4.5 * GB)), Settings(kv_cache="int8"), LAPTOP, measured.load())
    assert half.context > 1.5 * large.context


def test_speed_is_bandwidth_over_bytes() -> None:
    slow, fast = fit(4 * GB), fit(2 * GB)
    assert fast.speed == pytest.approx(2 * slow.speed)
    assert fast.speed == pytest.approx(0.75 * 40e9 / (2 * GB), rel=0.01)
    assert fit(2 * GB, replace(LAPTOP, bandwidth=0)).speed == 0
    behind = estimate.speed(model(), Settings(), LAPTOP, measured.load(), context=16384)
    assert behind < 0.7 * fast.speed  # the cache is read too


def answer(size: int, speed: float, *, peak: int = 0, name: str = "some", device: Device = LAPTOP) -> None:
    record(
        model(size, name),
        Settings(),
        device,
        tokens_per_second=speed,
        new_tokens=100,
        context_used=50,
        peak=peak,
    )


def test_what_was_measured_is_kept_beside_what_was_predicted() -> None:
    answer(2 * GB, 10.0, peak=3 * GB)
    run = fit(2 * GB).run
    assert run is not None
    assert run.speed == pytest.approx(10)
    assert run.expected_speed == pytest.approx(15, rel=0.01)
    assert run.memory == 3 * GB
    assert run.expected_memory == pytest.approx(1.2 * 2 * GB + 0.4 * 2**30, rel=0.02)
    assert fit(2 * GB).speed == pytest.approx(10, rel=0.01)  # its own measurement is the best estimate
    for _ in range(20):
        answer(2 * GB, 12.0)
    assert fit(2 * GB).speed == pytest.approx(12, rel=0.01)
    kept = measured.load().runs
    assert next(iter(kept.values())).runs == 21


def test_the_estimate_of_other_models_learns() -> None:
    before = fit(3 * GB)
    for size in (1 * GB, 2 * GB, 4 * GB):
        known = measured.load()
        ideal = estimate.ideal_speed(model(size), Settings(), LAPTOP, 0)
        answer(size, 0.5 * ideal, peak=int(0.8 * estimate.ideal_memory(model(size), Settings(), LAPTOP, 50)))
        assert known != measured.load()
    after = fit(3 * GB)
    ideal = estimate.ideal_speed(model(3 * GB), Settings(), LAPTOP, 0)
    assert before.speed == pytest.approx(0.75 * ideal, rel=0.01)
    assert after.speed == pytest.approx(0.5 * ideal, rel=0.05)
    assert after.needed == pytest.approx(0.8 * before.needed, rel=0.05)
    # another device has learned nothing of that
    assert fit(3 * GB, replace(LAPTOP, name="another")).speed == pytest.approx(before.speed)


def test_short_answers_say_nothing() -> None:
    some = model()
    assert record(some, Settings(), LAPTOP, tokens_per_second=9, new_tokens=5, context_used=9) is None
    assert not (paths.data_dir() / measured.NAME).exists()


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '{"version": 9}', '{"version": 1, "bandwidths": 3, "runs": {}}',
     '{"version": 1, "bandwidths": {"a": "x"}, "runs": {}}', "[" * 100_000],
)  # fmt: skip
def test_a_damaged_file_knows_nothing(text: str) -> None:
    (paths.data_dir() / measured.NAME).write_text(text)
    assert measured.load() == Measured({}, {})
    measured.keep_bandwidth("cpu: x", 5.0)
    assert measured.load().bandwidths == {"cpu: x": 5.0}


def test_senseless_runs_are_left_out() -> None:
    good = {"device": "d", "format": "Q8_0", "size": 5, "speed": 2.0, "ideal_speed": 4.0, "runs": 1}
    bad = [{"device": 3, "format": ""}, 7, {**good, "speed": -1}, {**good, "size": True}]
    runs = {"good": good, **{str(number): each for number, each in enumerate(bad)}}
    value = {"version": 1, "bandwidths": {}, "runs": runs}
    (paths.data_dir() / measured.NAME).write_text(json.dumps(value))
    assert list(measured.load().runs) == ["good"]


def test_bandwidth_is_measured_once(monkeypatch: pytest.MonkeyPatch) -> None:
    from autogpt_desktop.engine.native import bandwidth

    asked: list[int] = []

    def reads(threads: int, cache: int) -> float:
        asked.append(cache)
        return 7e9

    monkeypatch.setattr(bandwidth, "cpu_bandwidth", reads)
    assert machine.measure_bandwidth().bandwidth == 7e9
    assert machine.measure_bandwidth().bandwidth == 7e9
    assert machine.processor().bandwidth == 7e9
    assert len(asked) == 1


def test_no_memory_to_measure_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    from autogpt_desktop.engine.native import bandwidth

    def full(_threads: int, _cache: int) -> float:
        raise MemoryError

    monkeypatch.setattr(bandwidth, "cpu_bandwidth", full)
    assert machine.measure_bandwidth().bandwidth == 0


def test_what_the_graphics_driver_lists() -> None:
    text = "NVIDIA GeForce RTX 3060, 12288, 11000\nNVIDIA, with a comma, 8192, 100\n[N/A], x, y\n\n"
    cards = machine.parse_cards(text)
    assert [(card.name, card.memory >> 30) for card in cards] == [
        ("NVIDIA GeForce RTX 3060", 12),
        ("NVIDIA, with a comma", 8),
    ]
    both = [LAPTOP, *cards]
    assert machine.chosen(both, "auto").kind == CUDA
    assert machine.chosen(both, "cpu") == LAPTOP
    assert machine.chosen([LAPTOP], "cuda") == LAPTOP  # as the engine: what is not there falls back


def test_a_graphics_card_has_its_own_memory() -> None:
    card = Device(CUDA, "a card", 4 * GB, 4 * GB)
    levels = [each.level for each in estimate.fits(model(4 * GB), Settings(), [LAPTOP, card])]
    assert levels == [FITS, TOO_BIG]


def test_of_a_table_that_is_looked_up_a_row_is_read(tmp_path: Path) -> None:
    tied = write_tiny_gguf(tmp_path / "tied.gguf", "qwen2", tied=True)
    untied = write_tiny_gguf(tmp_path / "untied.gguf", "qwen2", tied=False)
    for path, has_table in ((tied.path, False), (untied.path, True)):
        file = read_gguf(path)
        total = sum(tensor.nbytes for tensor in file.tensors.values())
        table = file.tensors["token_embd.weight"].nbytes
        assert decode_bytes(file) == total - (table if has_table else 0)
