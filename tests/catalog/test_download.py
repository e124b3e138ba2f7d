"""Fetching over real HTTP from a server on this machine, good and bad."""

from __future__ import annotations

import errno
import os
import resource
import shutil
import signal
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

import pytest

from autogpt_desktop.catalog import certificates, download, transfer
from autogpt_desktop.catalog.download import fetch, hub_url
from autogpt_desktop.catalog.entries import Source, catalog, needs_acceptance, partial
from autogpt_desktop.errors import KnownError
from autogpt_desktop.i18n import message
from tests.catalog.server import Site, model_of

pytestmark = pytest.mark.slow  # together they take seconds

DATA = bytes(range(256)) * 12_000  # 3 MB, several chunks


def url(site: Site, name: str = "tiny.gguf") -> Source:
    return Source("url", url=site.url(name))


def test_fetches_and_puts_in_place(site: Site, tmp_path: Path) -> None:
    site.files["tiny.gguf"] = DATA
    steps = list(fetch(model_of(DATA, url(site)), tmp_path))
    assert (tmp_path / "tiny/tiny.gguf").read_bytes() == DATA
    assert {step.stage for step in steps} == {"stage.downloading", "stage.checking"}
    loading = [step.done for step in steps if step.stage == "stage.downloading"]
    assert loading == sorted(loading)
    assert loading[-1] == steps[0].total == len(DATA)
    assert sorted(path.name for path in (tmp_path / "tiny").iterdir()) == [".lock", "tiny.gguf"]


def test_a_second_fetch_asks_nobody(site: Site, tmp_path: Path) -> None:
    site.files["tiny.gguf"] = DATA
    model = model_of(DATA, url(site))
    for _ in fetch(model, tmp_path):
        pass
    asked = len(site.requests)
    for _ in fetch(model, tmp_path):
        pass
    assert len(site.requests) == asked


def test_a_damaged_file_in_place_is_fetched_again(site: Site, tmp_path: Path) -> None:
    site.files["tiny.gguf"] = DATA
    model = model_of(DATA, url(site))
    (tmp_path / "tiny").mkdir()
    (tmp_path / "tiny/tiny.gguf").write_bytes(b"x" * len(DATA))
    for _ in fetch(model, tmp_path):
        pass
    assert (tmp_path / "tiny/tiny.gguf").read_bytes() == DATA


def close_half_way(site: Site, tmp_path: Path) -> int:
    generator = fetch(model_of(DATA, url(site)), tmp_path)
    for step in generator:
        if step.done > len(DATA) // 3:
            break
    generator.close()
    return partial(model_of(DATA), tmp_path)


def test_closing_keeps_the_half_and_the_next_goes_on(site: Site, tmp_path: Path) -> None:
    site.files["tiny.gguf"] = DATA
    have = close_half_way(site, tmp_path)
    assert len(DATA) // 3 < have < len(DATA)
    assert not (tmp_path / "tiny/tiny.gguf").exists()
    first = next(step for step in fetch(model_of(DATA, url(site)), tmp_path))
    assert first.done == have
    for _ in fetch(model_of(DATA, url(site)), tmp_path):
        pass
    assert site.requests[-1][1].startswith("bytes=")
    assert (tmp_path / "tiny/tiny.gguf").read_bytes() == DATA


def test_a_server_without_ranges_begins_again(site: Site, tmp_path: Path) -> None:
    site.files["tiny.gguf"] = DATA
    close_half_way(site, tmp_path)
    site.ranges = False
    for _ in fetch(model_of(DATA, url(site)), tmp_path):
        pass
    assert (tmp_path / "tiny/tiny.gguf").read_bytes() == DATA


def test_a_broken_connection_is_taken_up_again(site: Site, tmp_path: Path) -> None:
    site.files["tiny.gguf"] = DATA
    site.cut_after = [700_000, 500_000, 1]
    for _ in fetch(model_of(DATA, url(site)), tmp_path):
        pass
    assert (tmp_path / "tiny/tiny.gguf").read_bytes() == DATA
    assert [wanted for _, wanted in site.requests] == [
        "", "bytes=700000-", "bytes=1200000-", "bytes=1200001-"
    ]  # fmt: skip


def test_a_connection_that_never_brings_more_ends_in_a_sentence(site: Site, tmp_path: Path) -> None:
    site.files["tiny.gguf"] = DATA
    site.cut_after = [1000] + [0] * 20
    with pytest.raises(KnownError) as caught:
        list(fetch(model_of(DATA, url(site)), tmp_path))
    assert caught.value.key == "download-failed"
    assert "{" not in message(caught.value)
    assert partial(model_of(DATA), tmp_path) == 1000  # kept for the next time


def test_a_busy_server_is_asked_again(site: Site, tmp_path: Path) -> None:
    site.files["tiny.gguf"] = DATA
    site.states = [503, 429]
    for _ in fetch(model_of(DATA, url(site)), tmp_path):
        pass
    assert len(site.requests) == 3


def test_wrong_content_is_thrown_away_and_the_next_source_tried(site: Site, tmp_path: Path) -> None:
    site.files["bad.gguf"] = b"x" * len(DATA)
    site.files["tiny.gguf"] = DATA
    for _ in fetch(model_of(DATA, url(site, "bad.gguf"), url(site)), tmp_path):
        pass
    assert (tmp_path / "tiny/tiny.gguf").read_bytes() == DATA
    assert [name for name, _ in site.requests] == ["bad.gguf", "tiny.gguf"]


def test_wrong_content_everywhere_leaves_nothing(site: Site, tmp_path: Path) -> None:
    site.files["bad.gguf"] = b"x" * len(DATA)
    with pytest.raises(KnownError) as caught:
        list(fetch(model_of(DATA, url(site, "bad.gguf")), tmp_path))
    assert caught.value.key == "download-checksum"
    assert [path.name for path in (tmp_path / "tiny").iterdir()] == [".lock"]


def test_a_wrong_old_half_does_not_spoil_a_good_source(site: Site, tmp_path: Path) -> None:
    site.files["tiny.gguf"] = DATA
    (tmp_path / "tiny").mkdir()
    (tmp_path / "tiny/tiny.gguf.part").write_bytes(b"wrong" * 1000)
    for _ in fetch(model_of(DATA, url(site)), tmp_path):
        pass
    assert (tmp_path / "tiny/tiny.gguf").read_bytes() == DATA
    assert [wanted for _, wanted in site.requests] == ["bytes=5000-", ""]


def test_a_half_that_is_too_long_is_dropped(site: Site, tmp_path: Path) -> None:
    site.files["tiny.gguf"] = DATA
    (tmp_path / "tiny").mkdir()
    (tmp_path / "tiny/tiny.gguf.part").write_bytes(DATA + b"more")
    for _ in fetch(model_of(DATA, url(site)), tmp_path):
        pass
    assert (tmp_path / "tiny/tiny.gguf").read_bytes() == DATA


@pytest.mark.parametrize("size", [len(DATA) - 1, len(DATA) + 1])
def test_a_file_of_another_size_is_refused_before_it_is_fetched(
    site: Site, tmp_path: Path, size: int
) -> None:
    site.files["tiny.gguf"] = b"x" * size
    with pytest.raises(KnownError) as caught:
        list(fetch(model_of(DATA, url(site)), tmp_path))
    assert caught.value.key == "download-failed"
    assert str(size) in message(caught.value)


def test_a_server_that_never_ends_is_stopped(site: Site, tmp_path: Path) -> None:
    site.files["tiny.gguf"] = DATA + b"x" * 2_000_000
    site.chunked = True
    with pytest.raises(KnownError) as caught:
        list(fetch(model_of(DATA, url(site)), tmp_path))
    assert caught.value.key == "download-failed"
    assert partial(model_of(DATA), tmp_path) <= len(DATA)


def test_another_range_than_asked_for_is_refused(site: Site, tmp_path: Path) -> None:
    site.files["tiny.gguf"] = DATA
    close_half_way(site, tmp_path)
    site.wrong_range = True
    with pytest.raises(KnownError, match="download-failed"):
        list(fetch(model_of(DATA, url(site)), tmp_path))


def test_not_found_and_nobody_there(site: Site, tmp_path: Path) -> None:
    with pytest.raises(KnownError) as caught:
        list(fetch(model_of(DATA, url(site, "gone.gguf")), tmp_path))
    assert caught.value.key == "download-failed"
    assert "404" in message(caught.value)
    nobody = Source("url", url="http://127.0.0.1:9/tiny.gguf")
    with pytest.raises(KnownError) as caught:
        list(fetch(model_of(DATA, nobody), tmp_path))
    assert caught.value.key == "download-no-network"


def test_too_little_room_is_said_before_anything_is_asked(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(download.shutil, "disk_usage", lambda path: usage(10**9, 10**9 - 5, 5))
    site.files["tiny.gguf"] = DATA
    with pytest.raises(KnownError) as caught:
        list(fetch(model_of(DATA, url(site)), tmp_path))
    assert caught.value.key == "download-no-room"
    assert "5 bytes" in message(caught.value)
    assert not site.requests


@pytest.mark.skipif(sys.platform == "win32", reason="RLIMIT_FSIZE is a POSIX limit")
def test_a_disk_that_fills_up_keeps_what_came(site: Site, tmp_path: Path) -> None:
    """The kernel refuses to write beyond 1 MB, as a full disk would."""
    site.files["tiny.gguf"] = DATA
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, before[1]))
        with pytest.raises(KnownError) as caught:
            list(fetch(model_of(DATA, url(site)), tmp_path))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert caught.value.key == "download-disk-full"
    assert partial(model_of(DATA), tmp_path) > 0
    for _ in fetch(model_of(DATA, url(site)), tmp_path):
        pass
    assert (tmp_path / "tiny/tiny.gguf").read_bytes() == DATA


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "models").write_text("a file where a folder should be")
    with pytest.raises(KnownError) as caught:
        list(fetch(model_of(DATA, Source("url", url="http://127.0.0.1:9/x")), tmp_path / "models"))
    assert caught.value.key == "download-not-writable"
    full = transfer.disk_error(OSError(errno.ENOSPC, "full"), tmp_path)
    assert full.key == "download-disk-full"
    assert str(tmp_path) in message(full)


def test_two_downloads_of_one_model_do_not_mix(site: Site, tmp_path: Path) -> None:
    site.files["tiny.gguf"] = DATA
    first = fetch(model_of(DATA, url(site)), tmp_path)
    next(first)
    script = (
        "import sys; from pathlib import Path\n"
        "from autogpt_desktop.catalog.entries import catalog\n"
        "from autogpt_desktop.catalog.download import fetch\n"
        "from autogpt_desktop.errors import KnownError\n"
        "from dataclasses import replace\n"
        "model = replace(next(iter(catalog().values())), name='tiny')\n"
        "try: next(fetch(model, Path(sys.argv[1])))\n"
        "except KnownError as error: print(error.key)\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path)]
    root = Path(__file__).parents[2]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    first.close()
    assert done.stdout.strip() == "download-busy", done.stderr
    assert shutil.disk_usage(tmp_path).free > 0


def test_the_hub_can_be_mirrored(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", site.address + "/")
    site.files["owner/repo/resolve/main/tiny.gguf"] = DATA
    source = Source("url", url="https://huggingface.co/owner/repo/resolve/main/tiny.gguf")
    for _ in fetch(model_of(DATA, source), tmp_path):
        pass
    assert (tmp_path / "tiny/tiny.gguf").read_bytes() == DATA
    assert hub_url("https://huggingface.co.evil.example/x") == "https://huggingface.co.evil.example/x"


def test_certificates_of_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = tmp_path / "company.pem"
    bundle.write_text("not a certificate")
    for name in ("PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    plain = certificates.ssl_context()
    assert certificates.ssl_context() is plain
    monkeypatch.setenv("PIP_CERT", str(bundle))
    with pytest.raises(KnownError) as caught:
        certificates.ssl_context()
    assert caught.value.key == "certificate-file-unreadable"
    assert str(bundle) in message(caught.value)
    own = Path(__file__).with_name("company.pem")
    monkeypatch.setenv("PIP_CERT", str(own))
    context = certificates.ssl_context()
    assert context.cert_store_stats()["x509"] == plain.cert_store_stats()["x509"] + 1


def test_terms_are_to_be_accepted_once() -> None:
    gemma, starter = catalog()["gemma-3-270m"], catalog()["smollm2-135m-instruct"]
    assert needs_acceptance(gemma, [])
    assert not needs_acceptance(gemma, ["gemma"])
    assert not needs_acceptance(starter, [])


def test_the_umask_is_left_alone(site: Site, tmp_path: Path) -> None:
    site.files["tiny.gguf"] = DATA
    for _ in fetch(model_of(DATA, url(site)), tmp_path):
        pass
    assert os.access(tmp_path / "tiny/tiny.gguf", os.W_OK)
