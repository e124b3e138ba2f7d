"""The compiled back end's own checks (tests/engine/native), built here and run under sanitizers.

check_kernels compares every set of kernels that the processor has, and a whole tiny model, with float64
under the address and undefined-behavior sanitizers, check_linear those of encoder–decoders with exact
integers; check_pool runs the threads under the thread sanitizer.
The kernels for Arm are checked in the same way, without sanitizers, where they can be built and emulated.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.tiny import write_tiny_gguf

pytestmark = pytest.mark.slow
CHECKS = Path(__file__).parent
ROOT = Path(__file__).parents[3]
SOURCES = ROOT / "autogpt_desktop" / "engine" / "native"
FLAGS = ["-std=c++17", "-ffp-contract=off", "-pthread", "-Wall", "-Wextra", "-Wpedantic", f"-I{SOURCES}"]
MEMORY = ["-g1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
# what to compile, and how; the kernels slightly optimized, for the compiler is to rearrange them
BUILDS = {
    "_native_checked.so": [
        *("check_native.cpp", "-shared", "-fPIC", "-O1", *MEMORY),
        *("-DNATIVE_SOURCES=checked", "-Dmain=check_main"),
    ],
    "linear": ["check_linear.cpp", "-O1", *MEMORY],
    "pool": ["check_pool.cpp", "-O1", "-g1", "-fsanitize=thread"],
    "pool-plain": ["check_pool.cpp", "-O1"],
    "arm": ["check_kernels.cpp", "check_model.cpp", "-O1", "-static"],
    "arm-linear": ["check_linear.cpp", "-O1", "-static"],
}
ARM_COMPILER, ARM_EMULATOR = "aarch64-linux-gnu-g++", "qemu-aarch64"


def compiler() -> str | None:
    names = [os.environ.get("CXX", ""), "c++", "g++", "clang++"]
    return next((found for name in names if name and (found := shutil.which(name))), None)


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Path]]:
    """What BUILDS names, compiled; all at the same time, from the first use on."""
    found = compiler()
    if found is None:
        pytest.skip("there is no C++ compiler (c++, g++ or clang++) to build the checks with")
    folder = tmp_path_factory.mktemp("checks")
    version = subprocess.run([found, "--version"], capture_output=True, text=True, check=True).stdout
    # clang does not know GCC's pragmas, and has its own idea of what to warn about
    strict = ["-Werror"] if "Free Software Foundation" in version else ["-Wno-unknown-pragmas"]

    def compiled(name: str) -> Path:
        compiler = ARM_COMPILER if name.startswith("arm") else found
        command = [compiler, *FLAGS, *strict, *BUILDS[name], "-o", str(folder / name)]
        done = subprocess.run(command, cwd=CHECKS, capture_output=True, text=True)
        assert done.returncode == 0, f"{name} was not built:\n{done.stderr}"
        return folder / name

    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        names = [name for name in BUILDS if not name.startswith("arm") or shutil.which(ARM_COMPILER)]
        futures: dict[str, Future[Path]] = {name: pool.submit(compiled, name) for name in names}
        yield lambda name: futures[name].result()


def run(command: list[str | Path]) -> str:
    """The output of a check that passed."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    if "unexpected memory mapping" in done.stderr and shutil.which("setarch"):
        # older thread sanitizers want fewer random bits in addresses than newer kernels give
        command = ["setarch", platform.machine(), "-R", *command]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def results(output: str) -> set[str]:
    """The hashes of all results of encoder–decoders' kernels."""
    return set(re.findall(r"results (\w+)", output))


def products(output: str) -> dict[str, str]:
    """A hash of all products by the name of the set of kernels."""
    return dict(re.findall(r"checked (\S+), products (\w+)", output))


@pytest.fixture(scope="module")
def checked(build: Callable[[str], Path]) -> str:
    """What check_kernels says here, under the address and undefined-behavior sanitizers."""
    library = build("_native_checked.so")
    program = library.with_name("native")
    sources = [str(CHECKS / "check_main.cpp"), str(library)]
    subprocess.run([str(compiler()), *sources, "-pthread", *MEMORY, "-o", str(program)], check=True)
    return run([program])


def test_kernels_and_a_model_under_the_address_sanitizer(checked: str) -> None:
    assert "native: passed" in checked
    fast = products(checked)
    assert fast.pop("portable")
    assert len(set(fast.values())) <= 1, f"all but the portable kernels give the same bits: {fast}"


@pytest.fixture(scope="module")
def linear(build: Callable[[str], Path]) -> str:
    """What check_linear says here, under the address and undefined-behavior sanitizers."""
    return run([build("linear")])


def test_encoder_decoders_under_the_address_sanitizer(linear: str) -> None:
    assert "linear: passed" in linear
    assert len(results(linear)) == 1, f"every set gives the same bits: {linear}"


@pytest.mark.skipif(platform.system() != "Linux", reason="sanitizers are loaded before Python by LD_PRELOAD")
def test_forged_packed_weights_under_the_address_sanitizer(
    build: Callable[[str], Path], tmp_path: Path
) -> None:
    library = build("_native_checked.so")
    model = write_tiny_gguf(tmp_path / "tiny.gguf", "qwen2", quant="Q4_1").path
    names = ("libasan.so", "libubsan.so")
    asked = [[str(compiler()), f"-print-file-name={name}"] for name in names]
    runtimes = [subprocess.run(ask, capture_output=True, text=True).stdout.strip() for ask in asked]
    if not all(map(os.path.isabs, runtimes)):
        pytest.skip("the compiler's sanitizers are not libraries of their own")
    done = subprocess.run(
        [sys.executable, CHECKS / "forge_packed.py", model, tmp_path / "packed", library],
        env=os.environ
        | {"LD_PRELOAD": " ".join(runtimes), "ASAN_OPTIONS": "detect_leaks=0", "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, timeout=240,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-300:] + done.stderr[-3000:]
    assert "all refused or harmless" in done.stdout


def test_the_pool_under_the_thread_sanitizer(build: Callable[[str], Path]) -> None:
    assert "pool: passed" in run([build("pool")])


@pytest.mark.skipif(platform.system() != "Linux", reason="only Linux limits the address space of a process")
def test_a_system_that_refuses_threads(build: Callable[[str], Path]) -> None:
    assert "pool: passed" in run([build("pool-plain"), "few"])


emulated = pytest.mark.skipif(
    not (shutil.which(ARM_COMPILER) and shutil.which(ARM_EMULATOR)),
    reason=f"{ARM_COMPILER} or {ARM_EMULATOR} is missing (Debian: g++-aarch64-linux-gnu, qemu-user)",
)


@emulated
def test_arm_kernels_under_emulation(build: Callable[[str], Path], checked: str) -> None:
    """NEON with the dot product, and that a processor without it is not asked for it."""
    program = build("arm")
    output = run([ARM_EMULATOR, "-cpu", "max", program, "neon"])
    assert "native: passed" in output
    same = {name: found for name, found in products(checked + output).items() if name != "portable"}
    assert "neon" in same, f"the same bits on every processor: {same}"
    assert len(set(same.values())) == 1, f"the same bits on every processor: {same}"
    old = [ARM_EMULATOR, "-cpu", "cortex-a57", str(program), "neon"]
    done = subprocess.run(old, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    assert "there are no neon kernels here" in done.stdout


@emulated
def test_encoder_decoders_on_arm_under_emulation(build: Callable[[str], Path], linear: str) -> None:
    output = run([ARM_EMULATOR, "-cpu", "max", build("arm-linear"), "neon"])
    assert "linear: passed" in output
    assert results(output) == results(linear), "the same bits on every processor"
