"""The benchmark: every figure there, peers that compute the same model, an end by Ctrl+C."""

from __future__ import annotations

import dataclasses
import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from autogpt_desktop import i18n, paths
from autogpt_desktop.bench.speed import bandwidth, flops, machine
from autogpt_desktop.bench.speed.bandwidth import last_level_cache, read_bandwidth
from autogpt_desktop.bench.speed.memory import measure_memory
from autogpt_desktop.bench.speed.ours import Ours
from autogpt_desktop.bench.speed.plan import Plan, batch_prompts, measure, text
from autogpt_desktop.bench.speed.run import Bench
from autogpt_desktop.bench.speed.table import table
from autogpt_desktop.cli import main
from autogpt_desktop.engine import native
from autogpt_desktop.engine.formats.gguf import read_gguf
from autogpt_desktop.engine.formats.gguf_mapping import config_from_gguf
from autogpt_desktop.engine.load import load, run_to_end
from autogpt_desktop.errors import KnownError
from tests.cli.kit import run_here
from tests.tiny import FAMILIES, write_tiny_gguf

# the program, but memory is not measured beyond the caches, which are hundreds of megabytes on some machines
PROGRAM = """
import sys
from autogpt_desktop.__main__ import main
from autogpt_desktop.bench.speed import bandwidth

bandwidth.last_level_cache = lambda: 0
sys.exit(main())
"""
SMALL = ["--device", "cpu", "--repeat", "1", "--prompt-tokens", "40", "--new-tokens", "4", "--threads", "2"]
linux = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads /proc")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bench") / "tiny.gguf"
    return write_tiny_gguf(path, "gemma3", quant="Q8_0", context=512).path


@pytest.fixture(scope="module")
def result(tiny: Path) -> dict[str, Any]:
    """One run beside ``transformers``; nothing but JSON on standard output."""
    more = ["--vs", "transformers", "--contexts", "16,100", "--batches", "2", "--json"]
    threads = torch.get_num_threads()
    with pytest.MonkeyPatch.context() as patch:  # what no cache holds is gigabytes on some machines
        patch.setattr(bandwidth, "last_level_cache", lambda: 0)
        done = run_here("bench", str(tiny), *SMALL, *more)
    torch.set_num_threads(threads)
    assert done.returncode == 0, done.stderr
    assert "1" in done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.slow
def test_the_result_has_every_figure(result: dict[str, Any], tiny: Path) -> None:
    assert (result["model"], result["device"], result["threads"]) == (tiny.name, "cpu", 2)
    speeds = ("prefill_tps", "decode_tps", "batch2_tps", "batch16_tps", "stream_tps", "generate_tps")
    for key in ("load_s", "second_load_s", "bandwidth_gbps", "peak_rss_mb", "decode_share", *speeds):
        assert result[key] > 0, key
    assert result["batch16_share"] == pytest.approx(result["batch16_gops"] / result["prefill_gops"])
    limit = result["bandwidth_gbps"] * 1e9
    read = result["bytes_per_token"] * result["decode_tps"]
    assert result["decode_share"] == pytest.approx(read / limit)
    assert result["decode_share"] < 1
    assert list(result["contexts"]) == ["16", "100"]
    assert all(entry["decode_tps"] > 0 for entry in result["contexts"].values())


@pytest.mark.slow
def test_bytes_of_a_token_are_those_of_the_matrices(result: dict[str, Any], tiny: Path) -> None:
    file = read_gguf(tiny)
    whole = sum(file.data(name).nbytes for name, info in file.tensors.items() if len(info.shape) == 2)
    # compiled, rows are padded to a multiple of 8; torch's int8 has fewer scales
    assert 0.9 * whole <= result["bytes_per_token"] < 1.05 * whole


@pytest.mark.slow
def test_a_peer_has_the_same_figures_and_their_ratios(result: dict[str, Any]) -> None:
    from autogpt_desktop.bench.speed import transformers_peer

    (peer,) = result["peers"]
    assert (peer["name"], peer["version"]) == ("transformers", transformers_peer.VERSION)
    for key in ("prefill_tps", "decode_tps", "batch16_tps"):
        assert peer["ratios"][key] == pytest.approx(result[key] / peer[key])
    assert "load_s" not in peer  # the file was expanded by us
    assert list(peer["contexts"]) == ["16", "100"]


@pytest.mark.slow
@pytest.mark.parametrize("language", list(i18n.LANGUAGES))
def test_the_table_is_aligned_in_every_language(result: dict[str, Any], language: str) -> None:
    i18n.set_language(language)
    title, _, *lines = table(result).splitlines()
    rows = lines[: lines.index("")]
    assert result["model"] in title
    assert len(rows) == 11
    ends = {len(row.encode("gbk")) for row in rows}  # two bytes where a terminal has two columns
    assert len(ends) == 1, "\n".join(rows)
    assert f"{result['decode_tps']:.2f}" in table(result)


@pytest.mark.slow
@linux
def test_memory_is_told_apart(result: dict[str, Any]) -> None:
    memory = result["memory"]
    assert memory["python_torch_mb"] > 50
    assert memory["tokenizer_mb"] >= 0
    assert memory["kv_cache_mb"] > 0
    beside = memory["python_torch_mb"] + memory["tokenizer_mb"] + memory["kv_cache_mb"]
    assert memory["own_peak_mb"] == pytest.approx(max(memory["load_peak_mb"], memory["run_peak_mb"]) - beside)
    assert 0 < memory["own_peak_mb"] < 60  # the file is a fraction of a megabyte
    assert result["peak_rss_mb"] >= memory["load_peak_mb"]


@pytest.mark.slow
@linux
def test_a_child_that_fails_is_not_passed_over(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"no-such|gone"):
        measure_memory(tmp_path / "gone.gguf", "cpu", 1, 8, tmp_path)


@pytest.mark.slow  # importing transformers takes seconds
@pytest.mark.parametrize("family", FAMILIES)
def test_transformers_runs_the_same_weights(family: str, tmp_path: Path) -> None:
    from autogpt_desktop.bench.speed import transformers_peer

    path = write_tiny_gguf(tmp_path / "m.gguf", family, quant="Q8_0", rope_freqs=family == "llama").path
    if family not in transformers_peer.FAMILIES:
        with pytest.raises(KnownError, match="bench-transformers"):
            transformers_peer.model_from_gguf(path)
        return
    ids = list(range(3, 60))
    engine = run_to_end(load(path, device="cpu", float32=True))
    ours = engine.decoder.forward([(engine.new_state(), ids)], "all")[0]
    engine.close()
    with torch.inference_mode():
        theirs = transformers_peer.model_from_gguf(path)(torch.tensor([ids])).logits[0].float()
    assert torch.cosine_similarity(ours, theirs, dim=-1).min() > 0.999


def test_the_same_tokens_from_every_engine(starter_gguf: Path, tmp_path: Path) -> None:
    llama = pytest.importorskip("autogpt_desktop.bench.speed.llama_cpp", exc_type=ImportError)
    runners = [Ours(starter_gguf, "cpu", tmp_path), llama.LlamaCpp(starter_gguf, 2)]
    chosen: list[list[int]] = []
    for runner in runners:
        runner.load(64, cached=True)
        if isinstance(runner, Ours):
            ids = runner.engine.tokenizer.encode(
                "One, two, three, four, five. One, two, three, four, five. One, two,"
            )
        runner.start()
        runner.read(ids)
        tokens = [runner.next]
        for _ in range(5):
            runner.decode(1)
            tokens.append(runner.next)
        chosen.append(tokens)
        assert runner.batch([ids, ids[1:]], 2) > 0
        runner.close()
    assert chosen[0] == chosen[1]


def test_llama_cpps_best_case_is_named(tmp_path: Path) -> None:
    pytest.importorskip("llama_cpp")
    # columns of 128 and more: its quantiser takes other formats for narrower ones
    path = write_tiny_gguf(tmp_path / "wide.gguf", quant="F32", hidden=128, intermediate=256).path
    options = main.parser().parse_args(["bench", str(path), *SMALL, "--vs", "llama-cpp-python:best"])
    bench = Bench(path, "cpu", 2, options, options.vs, tmp_path)
    types = {info.type for info in read_gguf(tmp_path / "wide.Q4_0.gguf").tensors.values()}
    assert "Q4_0" in types
    medians, _ = bench.repetitions()
    column = bench.column(bench.peers[0], medians, {}, medians["autogpt-desktop"])
    assert column["name"] == "llama-cpp-python:best"
    assert set(column["each"]) == {"Q4_0", "Q8_0"}
    for key, file in column["files"].items():
        among = [each[key] for each in column["each"].values()]
        assert column[key] == column["each"][file][key] == (min if key.endswith("_s") else max)(among)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("peer", "module"), [("llama-cpp-python", "llama_cpp"), ("transformers", "transformers")]
)
def test_a_missing_peer_is_a_plain_sentence(
    peer: str, module: str, tiny: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    assert main.main(["bench", str(tiny), *SMALL, "--vs", peer]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert f"pip install {peer}" in said.err


def test_llama_cpp_takes_no_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("llama_cpp")
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").touch()
    assert main.main(["bench", str(folder), "--vs", "llama-cpp-python"]) == 1
    assert "GGUF files only" in capsys.readouterr().err


@pytest.mark.parametrize("bad", [["--vs", "someone"], ["--contexts", "5,0"], ["--batches", "x"]])
def test_wrong_options_are_usage_errors(bad: list[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main.main(["bench", *bad])


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_ctrl_c_ends_it_cleanly(tiny: Path) -> None:
    options = ["--device", "cpu", "--vs", "none", "--repeat", "100000", "--json"]
    command = [sys.executable, "-c", PROGRAM, "bench", str(tiny), *options]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # a shell's background job ignores the signal, and so would its children
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        try:
            assert process.stderr is not None
            assert process.stderr.readline()
            time.sleep(0.3)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 130
    assert out == ""
    assert "Traceback" not in err


@pytest.mark.parametrize("family", ["llama", "gemma3"])
def test_the_work_of_a_token_is_counted(family: str, tmp_path: Path) -> None:
    path = write_tiny_gguf(tmp_path / "m.gguf", family, sliding_window=4, layers=7, tied=True).path
    file = read_gguf(path)
    config = config_from_gguf(file)
    matrices = {name: np.prod(info.shape) for name, info in file.tensors.items() if len(info.shape) == 2}
    head = matrices.pop("token_embd.weight")
    assert flops.matrix_work(config) == sum(matrices.values())
    assert flops.head_work(config) == head

    query, key = np.arange(10)[:, None], np.arange(10)
    pairs = 0
    for layer in range(config.num_hidden_layers):
        seen = key <= query
        if config.sliding_layers and config.sliding_layers[layer]:
            seen &= key > query - 4
        pairs += seen.sum()
    attention = 2 * config.num_attention_heads * config.head_dim * pairs
    assert flops.attention_work(config, 0, 10) == attention
    assert flops.prefill_ops(config, 10) == 2 * (10 * sum(matrices.values()) + attention + head)
    parts = flops.decode_ops(config, 0, 4) + flops.decode_ops(config, 4, 6)
    assert parts == 2 * (10 * (sum(matrices.values()) + head) + attention)


@pytest.mark.slow
def test_bandwidth_is_measured_beyond_the_caches() -> None:
    assert last_level_cache() >= 0
    assert 1e9 < read_bandwidth("cpu", 2) < 1e13
    library = native.library()
    if library is not None:
        assert library.native_read_bandwidth(3, 64 << 20, 1) > 1e8
        assert library.native_read_bandwidth(2, 1 << 60, 1) == 0  # no such memory


@pytest.mark.slow
@linux
def test_other_processes_are_seen_and_our_own_are_not(tmp_path: Path) -> None:
    watch = machine.Watch()
    for name in ("other-spinner", "own-spinner"):
        script = tmp_path / name
        script.write_text("#!/bin/sh\nwhile :; do :; done\n")
        script.chmod(0o755)
    # its shell ends at once, and then it is nobody's child here
    subprocess.run(["sh", "-c", f"timeout 2 {tmp_path}/other-spinner &"], check=True)
    own = subprocess.Popen([str(tmp_path / "own-spinner")])
    time.sleep(1.0)
    shares = dict(watch.others())
    own.kill()
    own.wait()
    assert shares["other-spinner"] > 0.02
    assert "own-spinner" not in shares
    noise = watch.stop()
    assert noise is not None
    assert noise.cpu > 0
    assert dataclasses.replace(noise, cpu=0.3, steal=0.0).noisy
    assert not dataclasses.replace(noise, cpu=0.1, steal=0.1).noisy


def test_prompts_of_a_batch_differ_and_the_text_does_not_repeat(tiny: Path) -> None:
    prompts = batch_prompts(list(range(100)), 16)
    assert len({tuple(prompt) for prompt in prompts}) == 16
    assert len({len(prompt) for prompt in prompts}) == 1
    sentences = text(400).split(". ")
    assert len(set(sentences)) == len(sentences)
    assert text(400) == text(400)


def test_a_repetition_times_every_part(tiny: Path, tmp_path: Path) -> None:
    runner = Ours(tiny, "cpu", tmp_path)
    try:
        figures = measure(runner, Plan(20, 3, (1, 4)), list(range(3, 103)))
        assert list(figures) == [
            "load_s", "second_load_s", "prefill_tps", "decode_tps", "batch1_tps", "batch4_tps",
        ]  # fmt: skip
        assert runner.state is not None
        assert len(runner.state) == 23
    finally:
        runner.close()


@pytest.mark.skipif(native.library() is None, reason="only the compiled back end keeps packed weights")
def test_a_first_load_packs_and_a_second_finds_it(tiny: Path, tmp_path: Path) -> None:
    runner = Ours(tiny, "cpu", tmp_path)
    packed, written = paths.packed_file(tiny, tmp_path), []
    for cached in (False, True, False):
        runner.load(0, cached=cached)
        runner.close()
        written.append(packed.stat().st_mtime_ns)
    assert written[0] == written[1] < written[2]
