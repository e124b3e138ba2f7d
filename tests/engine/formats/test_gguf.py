"""The GGUF reader: real files, tiny files of every family, and files that lie."""

from __future__ import annotations

import itertools
import struct
import time
from collections.abc import Callable
from pathlib import Path

import gguf
import numpy as np
import pytest

from autogpt_desktop import i18n
from autogpt_desktop.engine.formats.dequant import dequantize
from autogpt_desktop.engine.formats.gguf import BLOCK, read_gguf
from autogpt_desktop.engine.formats.gguf_mapping import config_from_gguf, decoder_sources
from autogpt_desktop.engine.formats.gguf_names import hf_name, weight_names
from autogpt_desktop.engine.formats.layouts import stored_shapes
from autogpt_desktop.engine.formats.weight_shapes import expected_shapes
from autogpt_desktop.errors import KnownError
from tests.tiny import FAMILIES, PERMUTED, RECURRENT, tiny_tokenizer, write_tiny_gguf


def text(value: str | bytes) -> bytes:
    data = value.encode() if isinstance(value, str) else value
    return struct.pack("<Q", len(data)) + data


def header(tensors: int = 0, keys: int = 0, version: int = 3) -> bytes:
    return b"GGUF" + struct.pack("<IQQ", version, tensors, keys)


def key(name: str | bytes, kind: int, value: bytes) -> bytes:
    return text(name) + struct.pack("<I", kind) + value


def tensor(name: str, dimensions: tuple[int, ...], kind: int = 0, offset: int = 0) -> bytes:
    sizes = struct.pack(f"<{len(dimensions)}Q", *dimensions)
    return text(name) + struct.pack("<I", len(dimensions)) + sizes + struct.pack("<IQ", kind, offset)


def file_of(folder: Path, *parts: bytes) -> Path:
    path = folder / "model.gguf"
    path.write_bytes(b"".join(parts))
    return path


def refusal(path: Path, action: Callable[[Path], object] = read_gguf) -> str:
    with pytest.raises(KnownError) as caught:
        action(path)
    sentence = i18n.message(caught.value)
    assert "{" not in sentence, sentence
    assert not sentence.startswith("error."), sentence
    return caught.value.key


# --- real files


def test_gemma_header_of_262144_tokens_in_half_a_second(gemma_gguf: Path) -> None:
    times = []
    for _ in range(3):  # the disk, and what else the machine does
        start = time.perf_counter()
        f = read_gguf(gemma_gguf)
        times.append(time.perf_counter() - start)
    assert min(times) < 0.5
    assert len(f.metadata["tokenizer.ggml.tokens"]) == 262_144
    assert f.metadata["tokenizer.ggml.tokens"][107] == "\n"
    assert f.metadata["tokenizer.ggml.scores"].shape == (262_144,)
    assert f.tensors["token_embd.weight"].shape == (262_144, 640)


def test_gemma_config(gemma_gguf: Path) -> None:
    config = config_from_gguf(read_gguf(gemma_gguf))
    assert (config.family, config.hidden_size, config.head_dim) == ("gemma3", 640, 256)
    assert (config.num_attention_heads, config.num_key_value_heads) == (4, 1)
    assert config.sliding_window == 512
    assert config.sliding_layers == tuple(layer % 6 != 5 for layer in range(18))
    assert (config.rope_theta, config.rope_local_theta) == (1e6, 1e4)
    assert config.embedding_scale == 640**0.5
    assert config.qk_norm
    assert config.sandwich_norms
    assert config.tie_word_embeddings
    assert not config.rope_interleaved
    assert config.hidden_act == "gelu_tanh"
    assert config.query_scale == 256**-0.5


def test_starter_config_and_values(starter_gguf: Path) -> None:
    f = read_gguf(starter_gguf)
    config = config_from_gguf(f)
    assert (config.family, config.num_hidden_layers, config.vocab_size) == ("llama", 30, 49152)
    assert config.languages == ("en",)
    assert config.rope_interleaved
    assert config.rope_theta == 1e5
    assert f.metadata["tokenizer.ggml.add_bos_token"] is False
    norm = dequantize(f.data("output_norm.weight"), "F32", (576,))
    assert np.isfinite(norm).all()
    assert not f.data("output_norm.weight").flags.writeable


# --- tiny files, against the gguf package


@pytest.mark.parametrize(
    ("family", "quant"),
    [
        *itertools.product(FAMILIES, ["F32", "F16", "BF16", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0"]),
        *itertools.product(RECURRENT, ["F32", "Q8_0"]),
    ],
)
def test_every_family_reads_back(tmp_path: Path, family: str, quant: str) -> None:
    layers = 4 if family in RECURRENT else 1
    tiny = write_tiny_gguf(tmp_path / "m.gguf", family, quant=quant, layers=layers)
    f = read_gguf(tiny.path)
    reference = gguf.GGUFReader(tiny.path)
    assert [one.name for one in reference.tensors] == list(f.tensors)
    for one in reference.tensors:
        assert f.tensors[one.name].shape == tuple(one.shape.tolist())[::-1]
        assert f.data(one.name).tobytes() == one.data.tobytes()
    assert f.metadata["tokenizer.ggml.tokens"] == tiny_tokenizer()[0]
    config = config_from_gguf(f)
    names = weight_names(f, family)
    shapes = stored_shapes(config.layout, expected_shapes(config))
    assert set(names) == set(tiny.weights) == set(shapes)
    assert set(decoder_sources(f, config)) == set(expected_shapes(config))
    for name, source in names.items():
        info = f.tensors[source]
        values = dequantize(f.data(source), info.type, info.shape)
        wanted = tiny.weights[name]
        if family in PERMUTED and ("q_proj" in name or "k_proj" in name):  # rows are permuted there
            values, wanted = np.sort(values, axis=0), np.sort(wanted, axis=0)
        np.testing.assert_array_equal(values, wanted)


def refused(path: Path, family: str = "qwen35", **settings: object) -> str:
    """The key that a recurrent model with these settings is refused with."""
    write_tiny_gguf(path, family, layers=4, metadata=settings)
    with pytest.raises(KnownError) as error:
        config_from_gguf(read_gguf(path))
    return error.value.key


def test_recurrent_layers_that_make_no_sense_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.gguf"
    assert refused(path, full_attention_interval=0) == "gguf-setting"
    assert refused(path, full_attention_interval=5) == "gguf-setting", "no layer attends"
    assert refused(path, full_attention_interval=2) == "gguf-tensor-missing"
    for name in ("ssm.inner_size", "ssm.time_step_rank", "ssm.group_count", "ssm.conv_kernel"):
        for value in (0, 3, 1 << 30):
            assert refused(path, **{name: value}).startswith("gguf-"), name
    assert refused(path, nextn_predict_layers=4) == "gguf-setting"
    assert refused(path, "lfm2", **{"attention.head_count_kv": [0, 0, 0]}) == "gguf-setting"
    assert refused(path, "lfm2", **{"attention.head_count_kv": [0, 0, 1, 2]}) == "gguf-setting"
    assert refused(path, "lfm2", **{"attention.head_count_kv": [0, 0, 0, 0]}) == "gguf-setting"
    assert refused(path, "lfm2", **{"attention.head_count_kv": [0, 0, -1, 2]}) == "gguf-setting"
    assert refused(path, "lfm2", **{"shortconv.l_cache": 4}) == "gguf-tensor-shape"


def test_layers_that_guess_further_tokens_are_left_out(tmp_path: Path) -> None:
    """Of five layers the last is said to be one of those: nothing of it is read."""
    path = tmp_path / "m.gguf"
    write_tiny_gguf(path, "qwen35", layers=5, metadata={"nextn_predict_layers": 1})
    f = read_gguf(path)
    config = config_from_gguf(f)
    assert config.num_hidden_layers == 4
    assert not any(name.startswith("model.layers.4.") for name in weight_names(f, "qwen35"))


@pytest.mark.parametrize("quant", ["Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K"])
def test_k_quants_read_back(tmp_path: Path, quant: str) -> None:
    tiny = write_tiny_gguf(tmp_path / "m.gguf", "qwen2", quant=quant, hidden=256, intermediate=256, layers=1)
    f = read_gguf(tiny.path)
    info = f.tensors["blk.0.ffn_up.weight"]
    assert info.type == quant
    values = dequantize(f.data(info.name), quant, info.shape)
    np.testing.assert_array_equal(values, tiny.weights["model.layers.0.mlp.up_proj.weight"])


def test_config_fields_of_every_family(tmp_path: Path) -> None:
    configs = {
        family: config_from_gguf(read_gguf(write_tiny_gguf(tmp_path / family, family, layers=7).path))
        for family in FAMILIES
    }
    assert [name for name, config in configs.items() if config.rope_interleaved] == [*PERMUTED]
    assert [name for name, config in configs.items() if config.attention_bias] == ["qwen2"]
    assert [name for name, config in configs.items() if config.qk_norm] == [
        "qwen3", "gemma3", "olmo2", "hunyuan-dense",
    ]  # fmt: skip
    assert [name for name, config in configs.items() if config.sliding_window] == ["gemma3"]
    assert [name for name, config in configs.items() if config.tie_word_embeddings] == ["gemma3"]
    assert configs["gemma3"].sliding_layers == (True, True, True, True, True, False, True)
    assert configs["qwen3"].head_dim == 32
    assert configs["smollm3"].unrotated_layers == (False, False, False, True, False, False, False)
    assert [name for name, config in configs.items() if config.post_norms] == ["olmo2"]
    granite = configs["granite"]
    scales = (granite.query_scale, granite.embedding_scale, granite.residual_scale, 1 / granite.logit_scale)
    assert scales == pytest.approx((0.3, 3.0, 0.6, 1.7))
    assert [name for name, config in configs.items() if config.residual_scale != 1] == ["granite"]
    assert (configs["phi3"].rope_dim, configs["phi3"].head_dim) == (12, 16)
    assert [name for name, config in configs.items() if config.qk_norm_behind_rope] == ["hunyuan-dense"]
    mistral = configs["mistral3"]
    assert (mistral.attention_temperature, mistral.attention_temperature_length) == (pytest.approx(0.4), 64)
    assert mistral.rope_scaling is not None
    assert mistral.rope_scaling.attention_factor == pytest.approx(1.0)


def test_rope_scaling(tmp_path: Path) -> None:
    def scaling(**options: object) -> object:
        tiny = write_tiny_gguf(tmp_path / "m", "llama", **options)
        return config_from_gguf(read_gguf(tiny.path)).rope_scaling

    assert scaling() is None
    llama3 = scaling(rope_freqs=True)
    assert llama3.kind == "llama3"
    assert llama3.freq_factors == pytest.approx(np.linspace(1, 8, 8))
    linear = scaling(metadata={"rope.scaling.type": "linear", "rope.scaling.factor": 8.0})
    assert (linear.kind, linear.factor) == ("linear", 8.0)
    yarn = scaling(
        metadata={
            "rope.scaling.type": "yarn",
            "rope.scaling.factor": 4.0,
            "rope.scaling.original_context_length": 64,
        }
    )
    assert (yarn.kind, yarn.factor, yarn.original_max_position_embeddings) == ("yarn", 4.0, 64)
    unknown = {"rope.scaling.type": "longrope"}
    assert refusal(tmp_path / "m", lambda _: scaling(metadata=unknown)) == "gguf-setting"


def test_mistral_slides_on_all_layers(tmp_path: Path) -> None:
    tiny = write_tiny_gguf(tmp_path / "m", "llama", layers=3, metadata={"attention.sliding_window": 32})
    config = config_from_gguf(read_gguf(tiny.path))
    assert (config.sliding_window, config.sliding_layers) == (32, (True, True, True))


@pytest.mark.parametrize(
    "metadata",
    [
        {"embedding_length": 0},
        {"attention.head_count": 3},
        {"attention.head_count_kv": 3},
        {"block_count": 2**31},
        {"feed_forward_length": 2**31},
        {"context_length": 0},
        {"rope.dimension_count": 7},
        {"rope.dimension_count": 512},
        {"attention.key_length": 2**20},
        {"attention.layer_norm_rms_epsilon": float("nan")},
        {"rope.freq_base": float("inf")},
        {"rope.freq_base": -1.0},
        {"attention.head_count": "four"},
        {"attention.sliding_window": 2**31},
    ],
)
def test_absurd_settings_are_refused(tmp_path: Path, metadata: dict[str, object]) -> None:
    path = write_tiny_gguf(tmp_path / "m", "llama", metadata=metadata).path
    assert refusal(path, lambda path: config_from_gguf(read_gguf(path))) == "gguf-setting"


def test_wrong_tensors_are_refused(tmp_path: Path) -> None:
    def config(path: Path) -> object:
        return config_from_gguf(read_gguf(path))

    fewer = write_tiny_gguf(tmp_path / "a", "llama", layers=2, metadata={"block_count": 3}).path
    assert refusal(fewer, config) == "gguf-tensor-missing"
    more = write_tiny_gguf(tmp_path / "b", "llama", layers=2, metadata={"block_count": 1}).path
    assert refusal(more, config) == "gguf-tensor-unknown"
    wider = write_tiny_gguf(tmp_path / "c", "llama", metadata={"feed_forward_length": 256}).path
    assert refusal(wider, config) == "gguf-tensor-shape"
    bias = write_tiny_gguf(tmp_path / "d", "qwen2").path
    strange = bias.read_bytes().replace(b"qwen2.", b"qwen9.").replace(text("qwen2"), text("qwen9"))
    assert refusal(file_of(tmp_path, strange), config) == "unknown-family"
    moe = write_tiny_gguf(tmp_path / "e", "llama", metadata={"expert_count": 8}).path
    assert refusal(moe, config) == "unknown-family"


def test_names() -> None:
    assert hf_name("blk.0.attn_q.weight") == "model.layers.0.self_attn.q_proj.weight"
    assert hf_name("blk.11.ffn_norm.weight") == "model.layers.11.post_attention_layernorm.weight"
    assert hf_name("blk.11.ffn_norm.weight", "gemma3") == "model.layers.11.pre_feedforward_layernorm.weight"
    assert hf_name("output.weight") == "lm_head.weight"
    for name in ("blk.0.attn_qkv.weight", "blk.x.attn_q.weight", "token_embd", "token_embd.bias", ""):
        with pytest.raises(KeyError):
            hf_name(name)


# --- files that lie


def test_version_2_reads_and_others_do_not(tmp_path: Path) -> None:
    body = key("a", 4, struct.pack("<I", 7))
    assert read_gguf(file_of(tmp_path, header(keys=1, version=2), body)).metadata == {"a": 7}
    for version in (0, 1, 4, 3 << 24):
        assert refusal(file_of(tmp_path, header(keys=1, version=version), body)) == "gguf-version"


def test_not_a_model(tmp_path: Path) -> None:
    assert refusal(tmp_path / "nothing") == "gguf-unreadable"
    assert refusal(tmp_path) == "gguf-unreadable"
    assert refusal(file_of(tmp_path)) == "gguf-not-gguf"
    assert refusal(file_of(tmp_path, b"GG")) == "gguf-not-gguf"
    assert refusal(file_of(tmp_path, b"<html>404</html>")) == "gguf-not-gguf"
    assert refusal(file_of(tmp_path, b"GGUF")) == "gguf-truncated"


@pytest.mark.parametrize("kind", [0, 5, 8, 9, 12])
@pytest.mark.parametrize("count", [2**63, 2**64 - 1, 2**40, 10_000_000])
def test_a_few_bytes_that_claim_many_items_fail_at_once(tmp_path: Path, kind: int, count: int) -> None:
    path = file_of(tmp_path, header(keys=1), key("a", 9, struct.pack("<IQ", kind, count)))
    assert path.stat().st_size < 50
    start = time.perf_counter()
    assert refusal(path) in ("gguf-corrupt", "gguf-truncated")
    assert time.perf_counter() - start < 2


@pytest.mark.parametrize(
    ("key_name", "parts"),
    [
        ("gguf-corrupt", [header(tensors=2**63)]),
        ("gguf-corrupt", [header(keys=2**63)]),
        ("gguf-truncated", [header(tensors=3), b"\0" * 64]),
        ("gguf-corrupt", [header(keys=1), struct.pack("<Q", 2**63), b"a" * 40]),  # a key's length
        ("gguf-truncated", [header(keys=1), struct.pack("<Q", 60), b"a" * 40]),
        ("gguf-truncated", [header(keys=1), text("k"), struct.pack("<IQ", 8, 1000), b"a" * 40]),
        ("gguf-corrupt", [header(keys=1), key(b"\xff\xfe", 4, b"\0" * 4)]),
        ("gguf-corrupt", [header(keys=1), key("k", 8, text(b"\xc3\x28"))]),
        ("gguf-corrupt", [header(keys=1), key("k", 9, struct.pack("<IQ", 8, 1) + text(b"\x80"))]),
        ("gguf-corrupt", [header(keys=1), key("k", 13, b"\0" * 8)]),
        ("gguf-corrupt", [header(keys=1), key("k", 9, struct.pack("<IQ", 13, 1) + b"\0" * 8)]),
        ("gguf-corrupt", [header(keys=1), key("k", 7, b"\x02")]),
        ("gguf-corrupt", [header(keys=1), key("k", 9, struct.pack("<IQ", 7, 2) + b"\x01\x02")]),
        ("gguf-corrupt", [header(keys=2), key("k", 4, b"\0" * 4) * 2]),
        ("gguf-corrupt", [header(keys=1), key("k", 9, struct.pack("<IQ", 9, 1) * 9), b"\0" * 64]),
        ("gguf-corrupt", [header(keys=1), key("general.alignment", 4, struct.pack("<I", 48))]),
        ("gguf-corrupt", [header(keys=1), key("general.alignment", 4, struct.pack("<I", 0))]),
        ("gguf-corrupt", [header(keys=1), key("general.alignment", 8, text("32"))]),
        ("gguf-split", [header(keys=1), key("split.count", 2, struct.pack("<H", 3))]),
    ],
)
def test_lies_in_the_metadata(tmp_path: Path, key_name: str, parts: list[bytes]) -> None:
    assert refusal(file_of(tmp_path, *parts)) == key_name


def with_tensors(folder: Path, entries: list[bytes], data: int = 4096) -> Path:
    head = header(tensors=len(entries)) + b"".join(entries)
    return file_of(folder, head, b"\0" * (-len(head) % 32), b"\0" * data)


def test_good_tensors_pass(tmp_path: Path) -> None:
    f = read_gguf(with_tensors(tmp_path, [tensor("b", (8, 4), 0, 128), tensor("a", (32,), 2, 0)]))
    assert f.tensors["b"].shape == (4, 8)
    assert len(f.data("b")) == 128
    assert f.tensors["a"].nbytes == 18


@pytest.mark.parametrize(
    ("key_name", "entries"),
    [
        ("gguf-truncated", [tensor("a", (2048,), 0, 0)]),
        ("gguf-truncated", [tensor("a", (8,), 0, 4096)]),
        ("gguf-truncated", [tensor("a", (8,), 0, 2**64 - 32)]),
        ("gguf-truncated", [tensor("a", (2**32, 2**32, 2**32, 2**32))]),
        ("gguf-corrupt", [tensor("a", (8,), 0, 4)]),  # not aligned
        ("gguf-corrupt", [tensor("a", (16,)), tensor("b", (16,), 0, 32)]),  # overlap
        ("gguf-corrupt", [tensor("a", (16,)), tensor("a", (16,), 0, 64)]),  # twice
        ("gguf-corrupt", [tensor("a", (0, 4))]),
        ("gguf-corrupt", [tensor("a", ())]),
        ("gguf-corrupt", [tensor("a", (1, 1, 1, 1, 1))]),
        ("gguf-corrupt", [tensor("a", (48, 4), 2)]),  # not whole blocks
        ("gguf-corrupt", [tensor("x" * 300, (8,))]),
        ("gguf-tensor-type", [tensor("a", (256,), 19)]),  # IQ1_S
        ("gguf-tensor-type", [tensor("a", (32,), 4)]),
        ("gguf-tensor-type", [tensor("a", (32,), 2**32 - 1)]),
    ],
)
def test_lies_about_tensors(tmp_path: Path, key_name: str, entries: list[bytes]) -> None:
    assert refusal(with_tensors(tmp_path, entries)) == key_name


def test_a_cut_real_file_is_called_incomplete(tmp_path: Path, starter_gguf: Path) -> None:
    with starter_gguf.open("rb") as file:
        whole = file.read(4_000_000)
    for size in (100, 2000, 1_000_000, 4_000_000):
        assert refusal(file_of(tmp_path, whole[:size])) == "gguf-truncated"


def test_reading_does_not_load_the_weights(gemma_gguf: Path) -> None:
    resource = pytest.importorskip("resource", reason="no resource usage on this system")
    f = read_gguf(gemma_gguf)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    views = [f.data(name) for name in f.tensors]
    assert sum(len(view) for view in views) > 230_000_000
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000  # KiB


def test_types_cover_what_we_promise() -> None:
    old = {"F32", "F16", "BF16", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0"}
    newer = {"IQ4_NL", "IQ4_XS", "MXFP4"}
    assert set(BLOCK) == old | newer | {f"Q{bits}_K" for bits in range(2, 7)}
