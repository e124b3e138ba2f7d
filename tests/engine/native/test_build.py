"""Where there is a C++ compiler the compiled back end must be there, of today's sources, and in a wheel."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from autogpt_desktop.engine import native

ROOT = Path(__file__).resolve().parents[3]
SOURCES = ROOT / "autogpt_desktop" / "engine" / "native"
BUILD = f"{sys.executable} setup.py build_ext --inplace"


def test_the_library_is_built_from_these_sources() -> None:
    """Fails, and does not skip: without the library CI would silently test the torch path twice."""
    names = ("c++", "g++", "clang++", "cl")
    if not any(map(shutil.which, names)):
        pytest.skip(f"there is no C++ compiler ({', '.join(names)}) on PATH")
    library = native.library()
    assert library is not None, f"there is a C++ compiler, but no compiled back end; run {BUILD}"
    digest = hashlib.sha256()
    for path in sorted([*SOURCES.glob("*.h"), *SOURCES.glob("*.cpp")]):
        digest.update(path.read_bytes())
    built_from = library.native_sources().decode()
    assert built_from == f"sha256_{digest.hexdigest()}", f"the library is of older sources; run {BUILD}"


@pytest.mark.slow
def test_a_source_distribution_carries_every_source(tmp_path: Path) -> None:
    """From a copy without git and without what was built before."""
    copy = tmp_path / "copy"
    for name in ("setup.py", "pyproject.toml", "LICENSE", "README.md"):
        copy.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, copy)
    ignore = shutil.ignore_patterns("__pycache__", "*.so", "*.pyd", "*.gguf", "*.safetensors", "*.partial")
    for name in ("autogpt_desktop", "resources"):
        shutil.copytree(ROOT / name, copy / name, ignore=ignore)
    (copy / "models").mkdir()
    shutil.copy(ROOT / "models/catalog.toml", copy / "models")
    environment = {**os.environ, "PYTHONPATH": ""}
    command = [sys.executable, "setup.py", "-q", "sdist"]
    done = subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    with tarfile.open(next((copy / "dist").glob("*.tar.gz"))) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    wanted = {path.relative_to(ROOT).as_posix() for path in (*SOURCES.glob("*.h"), *SOURCES.glob("*.cpp"))}
    assert wanted <= names
    assert "models/catalog.toml" in names


@pytest.mark.slow
@pytest.mark.skipif(native.library() is None, reason="there is no library to take")
def test_a_library_of_these_sources_is_not_compiled_again(tmp_path: Path) -> None:
    """Set-up compiles it in place beside its downloads, and pip takes it from there."""
    for name in ("setup.py", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    for name in ("autogpt_desktop/engine/native", "resources", "models"):
        (tmp_path / name).mkdir(parents=True)
    (built,) = {*SOURCES.glob("_native*.so"), *SOURCES.glob("_native*.pyd")}
    for path in (*SOURCES.glob("*.h"), *SOURCES.glob("*.cpp"), built):
        shutil.copy(path, tmp_path / "autogpt_desktop" / "engine" / "native")

    def build(folder: str) -> list[bytes]:
        command = [
            sys.executable,
            "setup.py",
            "-q",
            "build_ext",
            "--build-lib",
            folder,
            "--build-temp",
            "temp",
        ]
        environment = os.environ | {"CC": "false", "CXX": "false"}
        subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, check=True)
        return [path.read_bytes() for path in (tmp_path / folder).rglob("_native*") if path.is_file()]

    assert build("same") == [built.read_bytes()]
    with open(tmp_path / "autogpt_desktop" / "engine" / "native" / "memory.h", "a") as header:
        header.write("// changed")
    assert build("changed") == []
