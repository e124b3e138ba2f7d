"""Any repository of a hub: addresses, choices, headers over the network, downloads against a bad server."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from autogpt_desktop import paths
from autogpt_desktop.catalog import installed, transfer
from autogpt_desktop.catalog.download import fetch
from autogpt_desktop.catalog.entries import CatalogModel
from autogpt_desktop.catalog.hub import client, kept, remote, token
from autogpt_desktop.catalog.hub.address import Address, parse_address
from autogpt_desktop.catalog.hub.choices import FOLDER, Choice, HubFile, choices, preferred, variant_of
from autogpt_desktop.catalog.hub.offer import from_address
from autogpt_desktop.catalog.verify import verify
from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Result
from tests.catalog.hub_site import COMMIT, HubSite, serving_hub
from tests.engine.formats.test_split_gguf import write_split
from tests.tiny import write_tiny_gguf

REPOSITORY = "maker/Tiny-GGUF"


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_bundled_models: Path) -> Iterator[HubSite]:
    monkeypatch.setattr(transfer, "PAUSE", 0.01)
    monkeypatch.setattr(client, "PAUSE", 0.01)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "HF_TOKEN", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    site = HubSite()
    for quant in ("Q8_0", "Q4_0"):
        write_tiny_gguf(tmp_path / "made.gguf", "qwen3", quant=quant)
        site.add(REPOSITORY, f"Tiny-{quant}.gguf", (tmp_path / "made.gguf").read_bytes())
    with serving_hub(site):
        monkeypatch.setenv("HF_ENDPOINT", site.address)
        yield site


def refusal(text: str = REPOSITORY) -> str:
    with pytest.raises(KnownError) as error:
        from_address(text)
    return error.value.key


def download(model: CatalogModel) -> Path:
    for _ in fetch(model):
        pass
    return paths.models_dir() / model.name


# --- addresses and choices


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("Qwen/Qwen3-4B-GGUF", Address("Qwen/Qwen3-4B-GGUF")),
        (" Qwen/Qwen3-4B-GGUF:Q4_K_M\n", Address("Qwen/Qwen3-4B-GGUF", "Q4_K_M")),
        ("https://huggingface.co/a/b", Address("a/b")),
        ("huggingface.co/a/b/tree/main", Address("a/b")),
        ("hf.co/a/b:Q8_0", Address("a/b", "Q8_0")),
        ("https://huggingface.co/a/b/blob/main/x/b-Q4_0.gguf", Address("a/b", file="x/b-Q4_0.gguf")),
        ("https://huggingface.co/a/b/resolve/v1/b.gguf?download=true", Address("a/b", "", "b.gguf", "v1")),
        ("https://hf-mirror.com/a/b", Address("a/b")),
        ("https://huggingface.co/datasets/a/b", None),
        ("https://example.org/a/b", None),
        ("qwen 3", None),
        ("qwen", None),
        ("../../etc/passwd", None),
        ("a/..", None),
        ("a/b/c", None),
        ("https://[", None),
        ("", None),
    ],
)
def test_what_an_address_means(text: str, meant: Address | None) -> None:
    assert parse_address(text) == meant


@pytest.mark.parametrize(
    ("stem", "variant"),
    [
        ("Qwen3-4B-Q4_K_M", "Q4_K_M"), ("model.q8_0", "Q8_0"), ("gemma-3-1b-it-f16", "F16"),
        ("x-IQ4_XS", "IQ4_XS"), ("gpt-oss-20b-mxfp4", "MXFP4"), ("Qwen2.5-7B", ""), ("plain", ""),
    ],
)  # fmt: skip
def test_variants_by_name(stem: str, variant: str) -> None:
    assert variant_of(stem) == variant


def test_files_become_choices() -> None:
    names = {
        "b-Q8_0.gguf": 8, "b-Q4_K_M.gguf": 4, "mmproj-b-F16.gguf": 1, "b.imatrix.gguf": 1, "README.md": 1,
        "big/b-F16-00001-of-00002.gguf": 9, "big/b-F16-00002-of-00002.gguf": 9,
        "b-Q6_K-00001-of-00002.gguf": 5,  # its second part is missing
        "model.safetensors": 20, "config.json": 1, "tokenizer.json": 2, "evil/../config.json": 1,
    }  # fmt: skip
    found = choices(HubFile(name, size) for name, size in names.items())
    assert [(each.label, each.size) for each in found] == [
        ("Q4_K_M", 4), ("Q8_0", 8), ("F16", 18), ("safetensors", 23),
    ]  # fmt: skip
    assert found[2].stem == "b-F16"
    assert [file.name for file in found[3].files][-1] == "config.json"  # with it the folder is a model
    assert preferred(found) is found[0]
    assert preferred(found, "q8_0") is found[1]
    assert preferred(found, "Q2_K") is None
    assert preferred(found, file="b-Q8_0.gguf") is found[1]


def test_the_token_is_kept_private_and_checked(isolated_home: Path) -> None:
    token.save_token(" hf_abc \n")
    assert token.token() == "hf_abc"
    path = paths.config_dir() / token.NAME
    assert path.stat().st_mode & 0o077 == 0
    for wrong in ("two words", "ключ", "x" * 1000):
        with pytest.raises(KnownError):
            token.save_token(wrong)
    token.save_token("")
    assert token.token() == ""


# --- against a server


@pytest.mark.slow
def test_search_and_fetch(hub: HubSite) -> None:
    (found,) = client.search("tiny")
    assert (found.repository, found.license, found.languages) == (REPOSITORY, "apache-2.0", ("en", "zh"))
    model = from_address(f"{REPOSITORY}:Q8_0")
    assert (model.name, model.family, model.quantization, model.revision) == (
        "Tiny-Q8_0",
        "qwen3",
        "Q8_0",
        COMMIT,
    )
    assert model.kv_rows > 0
    assert model.decode_bytes > 0
    folder = download(model)
    assert (folder / "Tiny-Q8_0.gguf").read_bytes() == hub.files[REPOSITORY]["Tiny-Q8_0.gguf"]
    (here,) = installed.installed()
    assert (here.name, here.repository, here.license) == ("Tiny-Q8_0", REPOSITORY, "apache-2.0")
    assert here.problem is None
    assert kept.unfinished() == []
    asked = len(hub.asked)
    download(model)  # it is there and right: nobody is asked
    assert len(hub.asked) == asked
    installed.remove(here.name)
    assert not [
        path for path in folder.parent.iterdir() if path.name == "Tiny-Q8_0" and any(path.glob("*.gguf"))
    ]


@pytest.mark.slow
def test_only_the_header_is_read(hub: HubSite, tmp_path: Path) -> None:
    size: dict[str, int] = {"hidden": 512, "intermediate": 1024, "layers": 4}
    write_tiny_gguf(tmp_path / "large.gguf", "llama", quant="F32", **size)
    data = (tmp_path / "large.gguf").read_bytes()
    hub.add("maker/large", "large-F32.gguf", data)
    assert len(data) > 3 * (1 << 20)
    hub.asked.clear()
    from_address("maker/large")
    ranges = [wanted for path, wanted, _ in hub.asked if "/resolve/" in path]
    assert ranges == ["bytes=0-1048575"]


@pytest.mark.slow
def test_a_long_header_is_read_further(hub: HubSite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "_FIRST", 1000)
    assert from_address(f"{REPOSITORY}:Q4_0").family == "qwen3"
    ranges = [wanted for path, wanted, _ in hub.asked if "/resolve/" in path]
    assert ranges[:2] == ["bytes=0-999", "bytes=1000-3999"]


@pytest.mark.slow
def test_split_models_are_one(hub: HubSite, tmp_path: Path) -> None:
    write_tiny_gguf(tmp_path / "big-Q8_0.gguf", "llama", quant="Q8_0")
    for path in write_split(tmp_path / "big-Q8_0.gguf", tmp_path):
        hub.add("maker/big", f"Q8_0/{path.name}", path.read_bytes())
    model = from_address("maker/big")
    assert (model.name, len(model.files), model.family) == ("big-Q8_0", 3, "llama")
    download(model)
    (here,) = installed.installed()
    assert (here.name, here.problem, here.size) == ("big-Q8_0", None, model.size)


@pytest.mark.slow
def test_the_first_part_of_a_split_model_says_what_all_parts_say(hub: HubSite, tmp_path: Path) -> None:
    write_tiny_gguf(tmp_path / "mixed.gguf", "qwen35", quant="Q8_0", layers=4)
    for path in write_split(tmp_path / "mixed.gguf", tmp_path):
        hub.add("maker/mixed", path.name, path.read_bytes())
    model = from_address("maker/mixed")
    download(model)
    (here,) = installed.installed()
    assert (model.kv_rows, model.state_bytes) == (here.kv_rows, here.state_bytes)
    assert model.state_bytes > 0
    assert kept.read_kept(paths.models_dir() / model.name) == (model, True)


@pytest.mark.slow
def test_what_cannot_be_run_is_refused_by_name(hub: HubSite, tmp_path: Path) -> None:
    write_tiny_gguf(tmp_path / "odd.gguf", "llama")
    data = (tmp_path / "odd.gguf").read_bytes().replace(b"llama", b"mamba")
    hub.add("maker/odd", "odd.gguf", data)
    with pytest.raises(KnownError) as error:
        from_address("maker/odd")
    assert (error.value.key, error.value.values["family"]) == ("unknown-family", "mamba")
    hub.add("maker/nothing", "README.md", b"# nothing")
    assert refusal("maker/nothing") == "hub-no-models"
    assert refusal("maker/missing") == "hub-not-found"
    assert refusal(f"{REPOSITORY}:Q2_K") == "hub-variant-missing"
    assert not [path for path in paths.models_dir().iterdir() if path.is_dir()]


@pytest.mark.slow
def test_cuts_waits_and_errors_on_the_way(hub: HubSite) -> None:
    model = from_address(f"{REPOSITORY}:Q4_0")
    hub.cut_after = [3000, 5000]
    hub.file_states = [(503, {}), (429, {"Retry-After": "0"})]
    folder = download(model)
    assert (folder / "Tiny-Q4_0.gguf").read_bytes() == hub.files[REPOSITORY]["Tiny-Q4_0.gguf"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("status", "key"),
    [(401, "hub-gated"), (403, "hub-gated"), (404, "hub-not-found"), (429, "hub-busy"), (500, "hub-failed")],
)
def test_what_a_hub_refuses_is_said(hub: HubSite, status: int, key: str) -> None:
    hub.states = [(status, {"Retry-After": "0"})] * 5
    assert refusal() == key


@pytest.mark.slow
def test_other_troubles_are_said(hub: HubSite, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.page = b"<html>log in to this network</html>"
    assert refusal() == "hub-failed"
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    assert refusal() == "hub-no-network"


@pytest.mark.slow
def test_a_file_that_has_changed_or_lies_is_not_installed(hub: HubSite) -> None:
    model = from_address(f"{REPOSITORY}:Q4_0")
    good = hub.files[REPOSITORY]["Tiny-Q4_0.gguf"]
    hub.files[REPOSITORY]["Tiny-Q4_0.gguf"] = good[:-1] + bytes([good[-1] ^ 1])
    with pytest.raises(KnownError) as error:
        download(model)
    assert error.value.key == "download-checksum"
    hub.files[REPOSITORY]["Tiny-Q4_0.gguf"] = good
    hub.lie = 7
    with pytest.raises(KnownError):
        download(model)
    assert [each.name for each in kept.unfinished()] == ["Tiny-Q4_0"]  # it can be gone on with
    assert installed.installed() == []
    hub.lie = 0
    (again,) = kept.unfinished()
    assert (download(again) / "Tiny-Q4_0.gguf").read_bytes() == good


@pytest.mark.slow
def test_files_are_checked_again(hub: HubSite) -> None:
    folder = download(from_address(f"{REPOSITORY}:Q4_0"))
    (here,) = installed.installed()
    path = folder / "Tiny-Q4_0.gguf"
    result = list(verify(here))[-1]
    assert isinstance(result, Result)
    assert result.value == {path.name: hashlib.sha256(path.read_bytes()).hexdigest()}
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(KnownError) as error:
        list(verify(here))
    assert error.value.key == "model-damaged"
    (folder / kept.NAME).unlink()
    (here,) = installed.installed()
    with pytest.raises(KnownError) as error:
        list(verify(here))
    assert error.value.key == "model-without-hashes"


@pytest.mark.slow
def test_the_token_goes_to_the_hub_alone(hub: HubSite) -> None:
    hub.token = "hf_secret"
    assert refusal() == "hub-gated"
    token.save_token("hf_secret")
    other = HubSite(files=hub.files)
    with serving_hub(other):
        hub.elsewhere = other.address
        model = from_address(f"{REPOSITORY}:Q4_0")
        download(model)
    assert {authorization for _, _, authorization in other.asked} == {""}
    files = [authorization for path, _, authorization in hub.asked if "/resolve/" in path]
    assert set(files) == {"Bearer hf_secret"}


@pytest.mark.slow
def test_small_files_are_checked_by_git_hashes(hub: HubSite, tmp_path: Path) -> None:
    choice = Choice("safetensors", FOLDER, (HubFile("config.json", 2, "", ""),))
    assert choice.stem == ""
    config = json.dumps({"model_type": "bert"}).encode()
    hub.add(REPOSITORY, "config.json", config)
    found = client.repository(Address(REPOSITORY))
    assert all(each.kind != FOLDER for each in found.choices)  # no weights beside it
    hub.add(REPOSITORY, "model.safetensors", b"\0" * 100)
    folder = client.repository(Address(REPOSITORY)).choices[-1]
    blob = hashlib.sha1(b"blob %d\0" % len(config) + config).hexdigest()
    assert (folder.kind, folder.files[-1].git_sha1, folder.files[-1].sha256) == (FOLDER, blob, "")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"files": 3}', '{"files": [{"name": "../x"}]}', "[" * 9999])
def test_a_damaged_note_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / kept.NAME).write_text(text)
    assert kept.read_kept(tmp_path) is None
