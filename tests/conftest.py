"""Fixtures for every test: a virtual screen, a home of its own, the real weights."""

from __future__ import annotations

import gc
import itertools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
# Nothing a test runs may ask the network whether a file is still current.
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
# Threads that wait must not spin: with other tests on the same cores they made some a hundred times slower.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
# Nor has each of several processes as many threads as there are cores: they would wait for each other's.
if processes := os.environ.get("PYTEST_XDIST_WORKER_COUNT"):
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // int(processes))))

import pytest

from autogpt_desktop import i18n
from tests import shares, tiers
from tests.tiers import real_weights

if TYPE_CHECKING:
    from xdist.remote import Producer
    from xdist.workermanage import WorkerController


@pytest.hookimpl(tryfirst=True)  # before -m chooses by mark
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    tiers.give_tiers(items)
    # the long files first, those of quick tests alone last, so that no process waits at the end for another's
    longer = {item.path for item in items if tiers.tiers_of(item) != {"fast"}}
    items.sort(key=lambda item: (not tiers.is_slow_file(item.path), item.path not in longer))


def pytest_configure(config: pytest.Config) -> None:
    """Files of the fast tier lie in memory where there is room: a disk takes seconds for that many."""
    if config.option.markexpr == "fast" and not config.option.basetemp and tiers.has_room(tiers.MEMORY):
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(tiers.MEMORY))


def pytest_collection_finish() -> None:
    """What was imported stays: the garbage collector need not look at it again and again."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    tiers.start(item)
    try:
        return (yield)
    finally:
        tiers.end()


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Files that are slow as a whole are not even imported for the fast tier: some load transformers. Nor are
    those of another process's share."""
    if config.option.markexpr != "fast":
        return None
    if tiers.is_slow_file(collection_path):
        return True
    share = own_share(config)
    return True if share and collection_path.suffix == ".py" and collection_path not in share else None


_SHARE = pytest.StashKey[frozenset[Path]]()


def own_share(config: pytest.Config) -> frozenset[Path]:
    """The test files that this process collects; empty where there are no shares."""
    if _SHARE not in config.stash:
        number, count = getattr(config, "workerinput", {}).get("share", (0, 0))
        files = [path for path in shares.TESTS.rglob("test_*.py") if not tiers.is_slow_file(path)]
        config.stash[_SHARE] = frozenset(shares.divide(files, count)[number] if count else ())
    return config.stash[_SHARE]


def has_shares(config: pytest.Config) -> bool:
    option = config.option
    return bool(option.markexpr == "fast" and not option.file_or_dir and option.dist == "loadfile")


def pytest_configure_node(node: WorkerController) -> None:
    """Tell a process its share. One that takes the place of a crashed one has the same ``spec``."""
    if has_shares(node.config):
        specs = node.nodemanager.specs  # they equal each other
        number = next(index for index, spec in enumerate(specs) if spec is node.gateway.spec)
        node.workerinput["share"] = (number, len(specs))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> shares.OwnShares | None:
    return shares.OwnShares(config, log) if has_shares(config) else None


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Processes for ``-n auto``: one for each core. Tests of named files stay in this one: they are over
    before others have started."""
    named = getattr(config.option, "file_or_dir", None)  # --help has none
    return 0 if named else min(os.cpu_count() or 1, 8)


_homes = itertools.count()


@pytest.fixture(autouse=True)
def own_home(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """Conversations, settings and models of this test alone; English unless it switches. The folder appears
    when the app first writes: most tests need none, and thousands take a disk many seconds."""
    home = tmp_path_factory.getbasetemp() / "homes" / f"{next(_homes)}" / "autogpt-home"
    monkeypatch.setenv("AUTOGPT_DESKTOP_HOME", str(home))
    i18n.set_language("en")
    yield home
    i18n.set_language("en")
    if "qtbot" in request.fixturenames:
        gc.collect()  # a window's objects go in their own thread, not in that of a model that still loads


@pytest.fixture
def isolated_home(own_home: Path) -> Path:
    """The home of this test, already there."""
    own_home.mkdir(parents=True, exist_ok=True)  # a timer of an earlier window may have written already
    return own_home


@pytest.fixture(scope="session")
def starter_gguf() -> Path:
    """SmolLM2-135M-Instruct Q4_1, the model that set-up fetches for everyone."""
    return real_weights("smollm2-135m-instruct", "SmolLM2-135M-Instruct.Q4_1.gguf")


@pytest.fixture(scope="session")
def gemma_gguf() -> Path:
    """Gemma 3 270M (base) Q4_K_M."""
    return real_weights("gemma-3-270m", "gemma-3-270m-q4_k_m.gguf")


@pytest.fixture(scope="session")
def minilm_folder() -> Path:
    """all-MiniLM-L6-v2, the model that finds passages by meaning."""
    return real_weights("all-minilm-l6-v2", "config.json").parent


@pytest.fixture(scope="session")
def pack_en_pt() -> Path:
    """Firefox's translation pack from English to Portuguese."""
    return real_weights("for-tests/firefox-en-pt", "model.enpt.intgemm.alphas.bin").parent


@pytest.fixture(scope="session")
def pack_pt_en() -> Path:
    """Firefox's translation pack from Portuguese to English."""
    return real_weights("for-tests/firefox-pt-en", "model.pten.intgemm.alphas.bin").parent
