"""Set-up's own logic, on copies in a folder of the test: nothing here touches the checkout's .venv."""

from __future__ import annotations

import configparser
import contextlib
import importlib
import json
import os
import plistlib
import re
import shlex
import shutil
import signal
import stat
import struct
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import autogpt_desktop

ROOT = Path(__file__).resolve().parents[2]
PACKAGING = ROOT / "packaging"


def load(name: str) -> Any:
    sys.path.insert(0, str(PACKAGING))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(str(PACKAGING))


launcher, system = load("launcher"), load("system")


@pytest.fixture
def bootstrap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """bootstrap.py, its .venv and its checkout moved to a folder of this test."""
    module = load("bootstrap")
    root = tmp_path / "checkout"
    shutil.copytree(PACKAGING, root / "packaging", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "setup.py"):
        shutil.copy(ROOT / name, root)
    for name, path in {
        "ROOT": root,
        "VENV": root / ".venv",
        "LOCKS": root / "packaging/requirements",
        "STAMP": root / ".venv/autogpt-desktop-setup.json",
        "LOG": root / ".venv/autogpt-desktop-setup.log",
    }.items():
        monkeypatch.setattr(module, name, path)
    return module


# --- Python


def test_an_old_python_gets_a_sentence(tmp_path: Path) -> None:
    """The real check, in a real interpreter that is told it is old and finds no other one."""
    code = (
        "import sys, runpy; sys.version_info = (3, 8, 1, 'final', 0); sys.version = '3.8.1 (main)'\n"
        f"runpy.run_path({str(PACKAGING / 'bootstrap.py')!r}, run_name='__main__')"
    )
    environment = {"PATH": str(tmp_path), "SYSTEMROOT": os.environ.get("SYSTEMROOT", "")}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1
    assert "needs Python 3.11, 3.12 or 3.13, and this is Python 3.8.1" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_old_python_can_read_what_stands_before_the_check() -> None:
    text = (PACKAGING / "bootstrap.py").read_text(encoding="utf-8")
    before = text[: text.index("import argparse")]
    assert "from __future__" not in before
    assert ":=" not in before
    assert "match " not in before


def test_only_the_standard_library_is_imported() -> None:
    for name in ("bootstrap", "launcher", "system"):
        text = (PACKAGING / f"{name}.py").read_text(encoding="utf-8")
        for line in re.findall(r"^\s*(?:import|from) ([a-z_]+)", text, re.MULTILINE):
            assert line in sys.stdlib_module_names | {"launcher", "system", "__future__"}, f"{name}: {line}"


@pytest.mark.slow
def test_python_that_cannot_make_environments(bootstrap: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(system, "is_debian", lambda: True)
    monkeypatch.setattr(system, "is_root", lambda: False)
    with pytest.raises(bootstrap.SetupError) as caught:
        bootstrap.make_venv()
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    assert f"sudo apt-get install -y --no-install-recommends python{version}-venv" in str(caught.value)
    installed: list[str] = []
    monkeypatch.setattr(system, "is_root", lambda: True)
    monkeypatch.setattr(bootstrap, "apt_install", installed.extend)
    bootstrap.make_venv()
    assert installed == [f"python{version}-venv"]
    assert bootstrap.venv_works()


# --- .venv and its stamp


def test_somebody_elses_environment_is_never_cleared(bootstrap: Any) -> None:
    (bootstrap.VENV / "bin").mkdir(parents=True)
    (bootstrap.VENV / "bin/mine").write_text("precious")
    with pytest.raises(bootstrap.SetupError, match="was not made by this set-up"):
        bootstrap.make_venv()
    assert (bootstrap.VENV / "bin/mine").read_text() == "precious"


@pytest.mark.slow
def test_a_half_made_environment_of_ours_is_made_again_and_a_whole_one_is_not(bootstrap: Any) -> None:
    bootstrap.VENV.mkdir()
    bootstrap.write_stamp({}, set())
    (bootstrap.VENV / "half").touch()
    bootstrap.make_venv()
    assert bootstrap.venv_works()
    assert not (bootstrap.VENV / "half").exists()
    assert bootstrap.STAMP.exists()
    before = bootstrap.VENV.stat().st_ino
    bootstrap.make_venv()
    assert bootstrap.VENV.stat().st_ino == before


@pytest.fixture
def steps(bootstrap: Any, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What set_up does, noted in place of pip, apt and the model download."""
    done: list[str] = []
    compiler = SimpleNamespace(wait=lambda: done.append("compiled"))
    monkeypatch.setattr(bootstrap, "venv_works", lambda: bootstrap.VENV.exists())
    monkeypatch.setattr(bootstrap, "make_venv", lambda: (bootstrap.VENV.mkdir(), done.append("venv")))
    monkeypatch.setattr(bootstrap, "pip_install", lambda arguments, **_: done.append("pip " + arguments[-1]))
    monkeypatch.setattr(bootstrap, "install_torch", lambda: done.append("torch"))
    monkeypatch.setattr(bootstrap, "compile_kernels", lambda: contextlib.nullcontext(compiler))
    monkeypatch.setattr(bootstrap, "check_system", lambda what: done.append(f"system {what}") or True)
    monkeypatch.setattr(bootstrap, "run_in_venv", lambda arguments: done.append(arguments[-1]) or 0)
    return done


def test_a_second_run_does_nothing_again(bootstrap: Any, steps: list[str]) -> None:
    bootstrap.set_up("app")
    assert [step.rpartition("/")[2] for step in steps] == [
        "venv", "app.txt", "torch", "compiled", "checkout", "system app"
    ]  # fmt: skip
    steps.clear()
    bootstrap.set_up("app")
    assert steps == []
    bootstrap.set_up("test")
    assert [step.rpartition("/")[2] for step in steps] == ["test.txt", "system test"]
    steps.clear()
    bootstrap.set_up("test")
    assert steps == []
    assert bootstrap.main(["test", "--no-start"]) == 0
    assert [Path(step).name for step in steps] == ["models", "for-tests"]  # these look for themselves
    steps.clear()
    assert bootstrap.main(["test", "--no-start", "-m", "fast"]) == 0
    assert steps == []


def test_the_embedding_model_is_asked_for_once(
    bootstrap: Any, steps: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Offline set-up goes on without it, and later starts do not wait for the network again."""
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    fetched: list[str] = []
    monkeypatch.setattr(bootstrap, "run_in_venv", lambda arguments: fetched.append(arguments[-1]) or 1)
    monkeypatch.setattr(bootstrap.launcher, "install", lambda *_: "in the menu")
    bootstrap.set_up("app")
    for _ in range(2):
        bootstrap.prepare_app()
    assert fetched == [bootstrap.STARTER, bootstrap.EMBEDDER, bootstrap.STARTER]
    for name, wanted in (("en_GB.UTF-8", bootstrap.EMBEDDER), ("POSIX", bootstrap.EMBEDDER)):
        monkeypatch.setenv("LC_ALL", name)
        assert bootstrap.embedder() == wanted
    for name in ("zh_CN.UTF-8", "fr_FR", "Chinese (Simplified)_China.936"):
        monkeypatch.setenv("LC_ALL", name)
        assert bootstrap.embedder() == bootstrap.MULTILINGUAL_EMBEDDER
    assert "searched by their words" in capsys.readouterr().out
    assert "app" in bootstrap.read_stamp()["done"]


def test_new_locks_or_a_broken_stamp_begin_again(
    bootstrap: Any, steps: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bootstrap, "make_venv", lambda: bootstrap.VENV.mkdir(exist_ok=True))
    bootstrap.set_up("app")
    with (bootstrap.LOCKS / "app.txt").open("a") as file:
        file.write("one-more==1.0\n")
    steps.clear()
    bootstrap.set_up("app")
    assert "torch" in steps
    for broken in ("{", "[]", '{"done": 3}', ""):
        bootstrap.STAMP.write_text(broken)
        steps.clear()
        bootstrap.set_up("app")
        assert "torch" in steps
    steps.clear()
    bootstrap.set_up("app", repair=True)
    assert "torch" in steps


def test_an_interrupted_run_goes_on_where_it_was(
    bootstrap: Any, steps: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(what: str) -> bool:
        raise bootstrap.SetupError("no apt today")

    good = bootstrap.check_system
    monkeypatch.setattr(bootstrap, "check_system", stop)
    with pytest.raises(bootstrap.SetupError):
        bootstrap.set_up("app")
    monkeypatch.setattr(bootstrap, "check_system", good)
    steps.clear()
    bootstrap.set_up("app")
    assert steps == ["system app"]
    assert json.loads(bootstrap.STAMP.read_text())["done"] == ["app", "system-app"]


# --- the kernels


def test_only_a_library_of_these_sources_counts_as_built(
    bootstrap: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bootstrap, "KERNELS", tmp_path)
    (tmp_path / "kernels.h").write_text("int one;")
    assert not bootstrap.kernels_built()
    library = tmp_path / "_native.abi3.so"
    library.write_bytes(b"\x7fELF sha256_" + bootstrap.kernels_digest().encode() + b"\0")
    assert bootstrap.kernels_built()
    (tmp_path / "kernels.h").write_text("int two;")
    assert not bootstrap.kernels_built(), "that one is of older sources"


@pytest.mark.skipif(sys.platform == "win32", reason="Python here is a shell script")
def test_the_compiler_works_beside_the_downloads_and_ends_where_they_fail(
    bootstrap: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python, said = tmp_path / "python", tmp_path / "checkout" / "said"
    monkeypatch.setattr(bootstrap, "venv_python", lambda: python)
    python.write_text("#!/bin/sh\necho $@ > said\n")
    python.chmod(0o755)
    with bootstrap.compile_kernels() as compiler:
        assert compiler.wait() == 0
    assert said.read_text() == "setup.py -q build_ext --inplace\n"
    python.write_text("#!/bin/sh\nexec sleep 600\n")
    with pytest.raises(bootstrap.SetupError, match="no network"), bootstrap.compile_kernels() as compiler:
        raise bootstrap.SetupError("no network")
    assert compiler.returncode == -signal.SIGKILL


@pytest.mark.skipif(sys.platform == "win32", reason="the compiler here is a shell script")
def test_why_there_are_no_kernels(
    bootstrap: Any, steps: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setattr(bootstrap, "KERNELS", tmp_path)
    monkeypatch.setattr(bootstrap, "make_venv", lambda: bootstrap.VENV.mkdir(exist_ok=True))
    monkeypatch.setenv("PATH", str(tmp_path))
    bootstrap.set_up("app")
    assert "There is no C++ compiler here" in capsys.readouterr().out
    compiler = tmp_path / "g++"
    compiler.write_text("#!/bin/sh\nexit 1\n")
    compiler.chmod(0o755)
    bootstrap.set_up("app", repair=True)
    said = capsys.readouterr().out
    assert f"could not be compiled although {compiler} is there" in said
    assert "setup.py build_ext" in said


# --- pip and torch


def test_the_right_torch_for_the_machine(bootstrap: Any) -> None:
    def tries(platform: str, cuda: tuple[int, int] | None) -> list[str]:
        return [" ".join(arguments) for _, arguments in bootstrap.torch_tries("torch==9.9", platform, cuda)]

    assert tries("darwin", None) == ["torch==9.9"]
    cpu = tries("linux", None)
    assert cpu[0] == "torch==9.9+cpu --no-deps"  # the person's own pip settings first
    assert cpu[1] == "torch==9.9+cpu --no-deps --index-url https://download.pytorch.org/whl/cpu"
    assert tries("linux", (13, 1))[0].startswith("torch==9.9+cu130 ")
    assert tries("win32", (12, 8))[0].startswith("torch==9.9+cu126 ")
    assert tries("linux", (11, 4)) == cpu  # a driver too old for every build
    assert tries("linux", (13, 0))[1:] == cpu  # and when the CUDA build cannot be had


def test_torch_goes_on_to_the_next_place(bootstrap: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def pip(arguments: list[str], *, last: bool = True) -> None:
        asked.append(arguments[-1])
        if len(asked) < 2:
            raise bootstrap.SetupError("not there")

    monkeypatch.setattr(bootstrap, "pip_install", pip)
    monkeypatch.setattr(system, "cuda_of_driver", lambda: None)
    bootstrap.install_torch()
    assert asked[1] == "https://download.pytorch.org/whl/cpu"


@pytest.mark.parametrize(
    ("log", "says"),
    [
        ("OSError: [Errno 28] No space left on device", "The disk is full"),
        ("SSLError(CERTIFICATE_VERIFY_FAILED)", "PIP_CERT"),
        ("NewConnectionError('failed')", "cannot be reached"),
        ("2026 ERROR: No matching distribution found for x==1", "No matching distribution found for x==1"),
    ],
)
def test_pips_failures_say_what_to_do(bootstrap: Any, log: str, says: str) -> None:
    reason = bootstrap.pip_reason(log)
    assert says in reason
    assert "un the same command again" in reason


def test_pip_stays_inside_the_environment(bootstrap: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "/somewhere")
    monkeypatch.setenv("PIP_TARGET", "/somewhere")
    monkeypatch.setenv("PIP_INDEX_URL", "https://mirror.example/simple")
    environment = bootstrap.clean_environment()
    assert "PYTHONPATH" not in environment
    assert "PIP_TARGET" not in environment
    assert environment["PIP_INDEX_URL"] == "https://mirror.example/simple"


def test_locks_are_pinned_and_cover_what_the_project_asks_for() -> None:
    locked: dict[str, str] = {}
    for path in (PACKAGING / "requirements").glob("*.txt"):
        for line in path.read_text(encoding="utf-8").splitlines():
            line = re.split(r"[;\\]", line)[0].strip()
            if line and not line.startswith(("#", "--hash=sha256:")):
                name, version = line.split("==")
                assert name not in locked, name
                locked[name] = version
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for requirement in project["dependencies"] + project["optional-dependencies"]["test"]:
        assert re.split(r"[\[<>=!]", requirement)[0].replace("_", "-") in locked, requirement
    assert project["dynamic"] == ["version"]
    assert load("bootstrap").version() == autogpt_desktop.__version__


def test_every_locked_package_has_its_hashes(bootstrap: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else pip installs none of them; and no source package is built, which would run its code."""
    for name in ("app", "test"):
        text = (PACKAGING / f"requirements/{name}.txt").read_text(encoding="utf-8")
        text = re.sub(r"^#.*\n|\\\n", "", text, flags=re.MULTILINE)
        for line in filter(None, text.splitlines()):
            assert re.fullmatch(r"[^ ]+==[^ ]+( ; |; )?.*?( +--hash=sha256:[0-9a-f]{64})+", line), line
    asked: list[list[str]] = []
    monkeypatch.setattr(bootstrap, "pip_install", lambda arguments, **_: asked.append(arguments))
    monkeypatch.setattr(bootstrap, "venv_works", lambda: True)
    monkeypatch.setattr(bootstrap, "install_torch", lambda: None)
    monkeypatch.setattr(bootstrap, "compile_kernels", contextlib.nullcontext)
    monkeypatch.setattr(bootstrap, "check_system", lambda what: True)
    (bootstrap.ROOT / ".venv").mkdir()
    bootstrap.set_up("test")
    locked = [arguments for arguments in asked if "--requirement" in arguments]
    assert [Path(arguments[-1]).name for arguments in locked] == ["app.txt", "test.txt"]
    for arguments in locked:
        assert {"--require-hashes", "--only-binary", ":all:"} <= set(arguments)


# --- the system


@pytest.mark.parametrize(
    ("library", "package"),
    [
        ("libGL.so.1", "libgl1"), ("libEGL.so.1", "libegl1"), ("libxcb-cursor.so.0", "libxcb-cursor0"),
        ("libxcb-icccm.so.4", "libxcb-icccm4"), ("libxkbcommon-x11.so.0", "libxkbcommon-x11-0"),
        ("libdbus-1.so.3", "libdbus-1-3"), ("libfontconfig.so.1", "libfontconfig1"),
        ("libglib-2.0.so.0", "libglib2.0-0"), ("libX11-xcb.so.1", "libx11-xcb1"),
        ("libwayland-client.so.0", "libwayland-client0"), ("libxcb-render-util.so.0", "libxcb-render-util0"),
        ("libstdc++.so.6", "libstdc++6"), ("not a library", ""),
    ],
)  # fmt: skip
def test_debians_package_for_a_library(library: str, package: str) -> None:
    assert system.package_of(library) == package


def test_what_ldd_did_not_find() -> None:
    output = (
        "\tlinux-vdso.so.1 (0x00007ffd)\n\tlibxcb-cursor.so.0 => not found\n"
        "\tlibc.so.6 => /lib/libc.so.6 (0x7f)\n\tlibEGL.so.1 => not found\n"
    )
    assert system.missing_in(output) == ["libxcb-cursor.so.0", "libEGL.so.1"]


@pytest.mark.skipif(sys.platform != "linux", reason="ldd is Linux's")
def test_qt_here_has_all_its_libraries() -> None:
    import PySide6

    folder = Path(PySide6.__path__[0])
    assert (folder / "Qt/plugins/platforms/libqxcb.so").exists()
    assert system.missing_libraries(folder) == []


def test_the_cuda_of_the_driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert system.cuda_of_driver() is None
    smi = tmp_path / "nvidia-smi"
    smi.write_text("#!/bin/sh\necho '| Driver Version: 570.1  CUDA Version: 12.8 |'\n")
    smi.chmod(0o755)
    assert system.cuda_of_driver() == (12, 8)
    smi.write_text("#!/bin/sh\necho 'NVIDIA-SMI has failed'; exit 9\n")
    assert system.cuda_of_driver() is None


@pytest.mark.slow
def test_missing_packages_are_installed_or_named(
    bootstrap: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bootstrap, "venv_python", lambda: Path(sys.executable))
    monkeypatch.setattr(system, "missing_libraries", lambda folder: ["libxcb-cursor.so.0"])
    monkeypatch.setattr(system, "has_chinese_font", lambda: False)
    monkeypatch.setattr(system, "missing_tools", lambda: ["Xvfb"])
    monkeypatch.setattr(system, "is_debian", lambda: True)
    monkeypatch.setattr(system, "is_root", lambda: False)
    monkeypatch.setattr(system, "has_display", lambda: True)
    with pytest.raises(bootstrap.SetupError, match="cannot open without"):
        bootstrap.check_system("app")
    line = next(line for line in capsys.readouterr().out.splitlines() if "sudo" in line)
    assert "libxcb-cursor0" in line
    assert "fonts-noto-cjk" in line
    assert "xvfb" not in line
    monkeypatch.setattr(system, "has_display", lambda: False)
    assert bootstrap.check_system("app") is False  # the terminal chat needs no libraries
    installed: list[str] = []
    monkeypatch.setattr(system, "is_root", lambda: True)
    monkeypatch.setattr(bootstrap, "apt_install", installed.extend)
    assert bootstrap.check_system("test") is True
    assert {"libxcb-cursor0", "fonts-noto-cjk", "xvfb"} <= set(installed)


# --- launchers


@pytest.mark.parametrize("folder", ["plain", "with space", 'odd "quotes" $HOME `x` 100% back\\slash'])
def test_the_desktop_entry(folder: str) -> None:
    python = Path("/home/me") / folder / ".venv/bin/python"
    parser = configparser.ConfigParser(interpolation=None, delimiters=("=",))
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read_string(launcher.desktop_entry(python))
    entry = parser["Desktop Entry"]
    # what a desktop does: undo the string escapes, then the quotes, then the field codes
    command = entry["Exec"].replace("\\\\", "\\")
    program, arguments = re.fullmatch(r'"((?:[^"\\`$]|\\.)*)" (.*)', command).groups()  # type: ignore[union-attr]
    assert re.sub(r"\\(.)", r"\1", program).replace("%%", "%") == str(python)
    assert arguments == "-I -m autogpt_desktop"
    assert entry["Icon"] == entry["StartupWMClass"] == "autogpt-desktop"
    assert entry["Name[zh_CN]"]
    assert entry["Categories"].endswith(";")
    assert entry["Terminal"] == "false"


def test_a_launcher_on_linux(tmp_path: Path) -> None:
    entry = launcher.install_linux(ROOT, Path(sys.executable), tmp_path)
    assert entry == tmp_path / "applications/autogpt-desktop.desktop"
    assert entry.stat().st_mode & stat.S_IXUSR
    icons = tmp_path / "icons/hicolor"
    assert (icons / "256x256/apps/autogpt-desktop.png").read_bytes().startswith(b"\x89PNG")
    assert (icons / "scalable/apps/autogpt-desktop.svg").exists()
    first = entry.read_text(encoding="utf-8")
    assert launcher.install_linux(ROOT, Path(sys.executable), tmp_path).read_text(encoding="utf-8") == first


def test_a_launcher_on_macos(tmp_path: Path) -> None:
    app = launcher.install_macos(ROOT, Path("/it's mine/.venv/bin/python"), "0.1.0", tmp_path)
    info = plistlib.loads((app / "Contents/Info.plist").read_bytes())
    program = app / "Contents/MacOS" / info["CFBundleExecutable"]
    assert program.stat().st_mode & stat.S_IXUSR
    assert shlex.split(program.read_text().splitlines()[1])[1:5] == [
        "/it's mine/.venv/bin/python", "-I", "-m", "autogpt_desktop"
    ]  # fmt: skip
    icon = (app / "Contents/Resources/app.icns").read_bytes()
    assert icon[:4] == b"icns"
    assert struct.unpack(">I", icon[4:8])[0] == len(icon)
    assert icon[8:12] == b"ic08"
    assert icon[16:20] == b"\x89PNG"


def test_a_shortcut_on_windows() -> None:
    script = launcher.shortcut_script(
        Path("C:/menu/AutoGPT Desktop.lnk"), Path("C:/it's/.venv/Scripts/python.exe"), Path("C:/app.ico")
    )
    assert "$link.TargetPath = 'C:/it''s/.venv/Scripts/pythonw.exe'" in script
    assert "$link.Arguments = '-I -m autogpt_desktop'" in script
    assert script.endswith("$link.Save()")


def test_the_icons_are_of_the_sizes_they_say() -> None:
    for size in (256, 512):
        head = (ROOT / f"resources/icons/app-{size}.png").read_bytes()[16:24]
        assert struct.unpack(">II", head) == (size, size)
    ico = (PACKAGING / "app.ico").read_bytes()
    count = struct.unpack("<HHH", ico[:6])[2]
    for number in range(count):
        entry = struct.unpack("<BBBBHHII", ico[6 + 16 * number : 22 + 16 * number])
        side, length, offset = entry[0], *entry[-2:]
        png = ico[offset : offset + length]
        assert png.startswith(b"\x89PNG")
        assert struct.unpack(">I", png[16:20])[0] == (side or 256)


def test_ci_runs_the_tests() -> None:
    script = ROOT / ".ci/run"
    assert script.stat().st_mode & stat.S_IXUSR
    assert "packaging/bootstrap.py test" in script.read_text(encoding="utf-8")


HOSTILE = "import pathlib, sys; pathlib.Path(__file__).with_name('ran').write_text(str(sys.argv))\n"


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """A folder whose files have the names of modules, and write down that they ran."""
    folder = tmp_path / "downloads"
    folder.mkdir()
    for name in ("random", "pip", "venv", "json", "platformdirs", "autogpt_desktop", "PySide6"):
        (folder / f"{name}.py").write_text(HOSTILE, encoding="utf-8")
    return folder


@pytest.mark.slow
def test_the_launchers_run_no_file_of_the_folder_they_start_in(
    hostile: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(hostile))
    command = [sys.executable, *launcher.START, "--version"]
    done = subprocess.run(command, cwd=hostile, capture_output=True, text=True, timeout=60)
    assert done.stdout.startswith("AutoGPT Desktop")
    assert not (hostile / "ran").exists()


@pytest.mark.slow
def test_set_up_runs_no_file_of_the_folder_it_is_called_in(
    bootstrap: Any, hostile: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(hostile)
    monkeypatch.setattr(bootstrap, "venv_python", lambda: Path(sys.executable))
    monkeypatch.setattr(system, "missing_libraries", lambda folder: [])
    monkeypatch.setattr(bootstrap, "LOG", hostile / "log")
    assert bootstrap.venv_works()
    bootstrap.check_system("app")
    bootstrap.pip_install(["--help"])
    made = [*Path(bootstrap.__file__).read_text(encoding="utf-8").split("[sys.executable, ")][1:]
    assert made
    assert all(command.startswith('"-I", ') for command in made)
    assert not (hostile / "ran").exists()


# --- the tests


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="a script stands in for Python")
def test_lint_types_and_tests_all_run_and_all_count(
    bootstrap: Any, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """With a Python that writes down what it is asked for, and finds fault with what FAULT names."""
    python = bootstrap.ROOT / "python"
    python.write_text(
        f"#!{sys.executable}\nimport os, sys\nprint('ran', *sys.argv[2:4], flush=True)\n"
        "sys.exit(sys.argv[2] == os.environ.get('FAULT'))\n"
    )
    python.chmod(0o755)
    monkeypatch.setattr(bootstrap, "venv_python", lambda: python)
    for fault in ("", "ruff", "mypy", "pytest"):
        monkeypatch.setenv("FAULT", fault)
        assert bootstrap.run_tests(["-n0"], weights=True) == (1 if fault else 0)
        out = capfd.readouterr().out
        assert out.count("ran -m autogpt_desktop.catalog") == 2
        assert [f"ran {what}" in out for what in ("ruff check", "ruff format", "mypy", "pytest -q")] == [
            True
        ] * 4
        assert ("Found something" in out) == (fault in ("ruff", "mypy"))
    monkeypatch.setattr(bootstrap, "set_up", lambda *_, **__: None)
    monkeypatch.setenv("FAULT", "-m")  # of all that is called so, the models come first
    assert bootstrap.main(["test"]) == 1
    assert "models for the tests could not be fetched" in capfd.readouterr().err


def test_the_commit_hook_wants_the_pinned_ruff() -> None:
    pinned = re.search(
        r"^ruff(==\S+)", (PACKAGING / "requirements/test.txt").read_text("utf-8"), re.MULTILINE
    )
    assert pinned is not None
    assert f'required-version = "{pinned[1]}"' in (ROOT / ".pre-commit-config.yaml").read_text("utf-8")
