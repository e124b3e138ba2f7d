"""Set AutoGPT Desktop up with nothing but Python 3.11, 3.12 or 3.13, and start it or test it.

    python3 packaging/bootstrap.py app     set up, put it into the applications menu, start it
    python3 packaging/bootstrap.py test    set up for the tests and run every check; more arguments go
                                           to pytest: "test -m fast" runs the tests that need no weights

Both may be run again at any time: what is done already is not done again, and once everything is
there no network is needed. Everything Python goes into .venv beside this folder.
"""

import sys

# Before anything that an older Python cannot read: no annotations import, no new syntax above main().
if not (3, 11) <= sys.version_info[:2] <= (3, 13):
    import os
    import subprocess

    CHECK = "import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))"
    for candidate in (["python3.12"], ["python3.13"], ["python3.11"], ["py", "-3.12"], ["py", "-3.13"]):
        try:
            fits = subprocess.call([*candidate, "-I", "-c", CHECK], stderr=subprocess.DEVNULL) == 0
        except OSError:
            fits = False
        if fits:
            print(f"This is Python {sys.version.split()[0]}; going on with {' '.join(candidate)}.")
            sys.stdout.flush()
            sys.exit(subprocess.call([*candidate, os.path.abspath(__file__), *sys.argv[1:]]))
    sys.exit(
        f"AutoGPT Desktop needs Python 3.11, 3.12 or 3.13, and this is Python {sys.version.split()[0]}.\n"
        "Install one of them (https://www.python.org/downloads/) and run this command with it."
    )

import argparse
import contextlib
import hashlib
import importlib.util
import json
import locale
import os
import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import launcher
import system

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
LOCKS = ROOT / "packaging/requirements"
# Nothing but the files that the lock names runs here: no other upload, and no source package's set-up.
LOCKED = ["--require-hashes", "--only-binary", ":all:", "--requirement"]
STAMP = VENV / "autogpt-desktop-setup.json"
LOG = VENV / "autogpt-desktop-setup.log"
PYTORCH_INDEX = "https://download.pytorch.org/whl/"
KERNELS = ROOT / "autogpt_desktop" / "engine" / "native"
STARTER = "smollm2-135m-instruct"
EMBEDDER = "all-minilm-l6-v2"
MULTILINGUAL_EMBEDDER = "multilingual-e5-small"
TEST_MODELS = (STARTER, EMBEDDER, "gemma-3-270m")
TEST_PACKS = (
    "firefox-en-pt",
    "firefox-pt-en",
)  # apart: they would translate what Gemma's tests want from her


class SetupError(Exception):
    """A step failed; the text says what happened and what to do."""


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="bootstrap.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["app", "test"])
    parser.add_argument("--no-start", action="store_true", help="set up only")
    parser.add_argument("--repair", action="store_true", help="do every step again")
    options, rest = parser.parse_known_args(arguments)
    if rest and options.what == "app":
        parser.error(f"unknown arguments: {' '.join(rest)}")
    weights = "fast" not in rest
    try:
        set_up(options.what, repair=options.repair)
        if options.what == "app":
            prepare_app()
        elif not options.no_start:
            return run_tests(rest, weights=weights)
        elif weights:
            fetch_test_models()
    except SetupError as error:
        print(f"\nSet-up stopped. {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. Run the same command again to go on.", file=sys.stderr)
        return 130
    return 0 if options.no_start else start_app()


# --- what is done once


def set_up(what: str, *, repair: bool = False) -> None:
    """Bring .venv and the system to what the lock files say, unless the stamp says they are there."""
    stamp = {} if repair else read_stamp()
    if stamp.get("fingerprint") != fingerprint() or not venv_works():
        make_venv()
        stamp = {"fingerprint": fingerprint()}
        write_stamp(stamp, set())
    done = set(stamp["done"])
    with contextlib.ExitStack() as beside:
        compiler = None
        if "app" not in done:
            step("Installing the Python packages (pinned, about 250 MB with PyTorch)")
            pip_install([*LOCKED, str(LOCKS / "app.txt")])
            compiler = beside.enter_context(compile_kernels())
            install_torch()
            done.add("app")
            write_stamp(stamp, done)
        if what == "test" and "test" not in done:
            step("Installing the packages for the tests")
            pip_install(["--no-compile", *LOCKED, str(LOCKS / "test.txt")])  # most of it is never imported
            done.add("test")
            write_stamp(stamp, done)
        if stamp.get("built") != kernels_digest():
            step("Installing AutoGPT Desktop into .venv and compiling its kernels")
            if compiler:
                compiler.wait()
            pip_install(["--no-deps", "--no-build-isolation", "--editable", str(ROOT)])
            if not kernels_built():
                say_why_no_kernels()
            stamp["built"] = kernels_digest()
            write_stamp(stamp, done)
    if f"system-{what}" not in done and check_system(what):
        done.add(f"system-{what}")
        write_stamp(stamp, done)


def fingerprint() -> str:
    """Changes when the locks, the project's metadata, the Python or the place change."""
    digest = hashlib.sha256(f"{sys.version_info[:3]} {sys.platform} {ROOT}".encode())
    for path in (*sorted(LOCKS.glob("*.txt")), ROOT / "pyproject.toml", ROOT / "setup.py"):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def kernels_digest() -> str:
    """Changes when the compiled back end has to be built again; setup.py writes it into the library."""
    digest = hashlib.sha256()
    for path in sorted([*KERNELS.glob("*.h"), *KERNELS.glob("*.cpp")]):
        digest.update(path.read_bytes())
    return digest.hexdigest()


@contextlib.contextmanager
def compile_kernels():
    """The compiler at work beside what waits for the network. What it says is not shown: where it fails, pip
    tries once more and tells."""
    command = [str(venv_python()), "setup.py", "-q", "build_ext", "--inplace"]
    nowhere = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
    with subprocess.Popen(command, cwd=ROOT, env=clean_environment(), **nowhere) as compiler:
        try:
            yield compiler
        except BaseException:
            compiler.kill()
            raise


def kernels_built() -> bool:
    """Whether a library of these very sources lies there. A failed build leaves none, or an old one."""
    built = [*KERNELS.glob("_native*.so"), *KERNELS.glob("_native*.pyd")]
    return any(f"sha256_{kernels_digest()}".encode() in path.read_bytes() for path in built)


def say_why_no_kernels() -> None:
    compiler = next(filter(None, map(shutil.which, ("c++", "g++", "clang++", "cl"))), None)
    if compiler is None:
        say("There is no C++ compiler here, so the processor runs on PyTorch, two to three times slower.")
        say("To change that, install one (Debian: g++) and run this command again with --repair.")
        return
    say(f"The kernels could not be compiled although {compiler} is there; without them the processor runs")
    say("on PyTorch, two to three times slower. See what the compiler says with this command:")
    say(f"    cd {ROOT} && {venv_python()} setup.py build_ext --inplace --force")


def read_stamp() -> dict:
    try:
        stamp = json.loads(STAMP.read_text(encoding="utf-8"))
        return stamp if isinstance(stamp["done"], list) else {}
    except (OSError, ValueError, KeyError, TypeError):  # not set up yet, or half: begin again
        return {}


def write_stamp(stamp: dict, done: set) -> None:
    stamp["done"] = sorted(done)
    STAMP.write_text(json.dumps(stamp), encoding="utf-8")


def venv_python() -> Path:
    return VENV / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


def venv_works() -> bool:
    """Whether .venv has this Python's version and a pip."""
    wanted = f"import sys, pip; sys.exit(sys.version_info[:3] != {tuple(sys.version_info[:3])})"
    try:
        command = [str(venv_python()), "-I", "-c", wanted]
        return subprocess.run(command, env=clean_environment(), capture_output=True).returncode == 0
    except OSError:
        return False


def make_venv() -> None:
    """A .venv of this Python. One that somebody else made is used if it fits, and never cleared."""
    if venv_works():
        return
    if VENV.exists() and not STAMP.exists() and any(VENV.iterdir()):
        raise SetupError(
            f"{VENV} is there already, was not made by this set-up and does not work with "
            f"Python {sys.version.split()[0]}.\nMove it away or rename it, then run the same command again."
        )
    step(f"Making {VENV} with Python {sys.version.split()[0]}")
    if importlib.util.find_spec("ensurepip") is None or importlib.util.find_spec("venv") is None:
        package = f"python{sys.version_info[0]}.{sys.version_info[1]}-venv"
        if not (system.is_debian() and system.is_root()):
            how = system.apt_line([package]) if system.is_debian() else "its venv and ensurepip modules"
            raise SetupError(f"This Python cannot make virtual environments. Install this first:\n  {how}")
        apt_install([package])
    if VENV.exists():
        shutil.rmtree(VENV)
    VENV.mkdir()
    write_stamp({}, set())  # first of all, so that an interrupted one is known as ours
    command = [sys.executable, "-I", "-m", "venv", str(VENV)]
    done = subprocess.run(command, env=clean_environment(), capture_output=True, text=True)
    if done.returncode:
        raise SetupError(f"{VENV} could not be made:\n{(done.stderr or done.stdout).strip()}")


def install_torch() -> None:
    """The build of PyTorch that fits: CPU, the CUDA of the driver, or macOS's default."""
    pinned = (LOCKS / "torch.txt").read_text(encoding="utf-8").split()[-1]
    tries = torch_tries(pinned, sys.platform, system.cuda_of_driver())
    for number, (label, arguments) in enumerate(tries, 1):
        step(f"Installing PyTorch: {label}")
        try:
            pip_install(["--only-binary", ":all:", *arguments], last=number == len(tries))
            return
        except SetupError:
            if number == len(tries):
                raise
            say("  not to be had there; trying the next place")


def torch_tries(pinned: str, platform: str, cuda: tuple[int, int] | None) -> list[tuple[str, list[str]]]:
    """(what it is, pip's arguments) in the order to try. The person's own pip settings come first."""
    if platform == "darwin":
        return [("the build for macOS", [pinned])]
    tries = []
    # PyTorch builds for CUDA 13.0 and 12.6; a driver runs every build of its own major version.
    build = None if cuda is None else "cu130" if cuda >= (13, 0) else "cu126" if cuda >= (12, 6) else None
    if build:
        index = ["--extra-index-url", PYTORCH_INDEX + build]
        tries.append((f"the build for your NVIDIA GPU ({build})", [f"{pinned}+{build}", *index]))
    cpu = [f"{pinned}+cpu", "--no-deps"]  # app.txt pins all that this build needs
    tries.append(("the CPU build", cpu))
    tries.append(("the CPU build from PyTorch's own index", [*cpu, "--index-url", PYTORCH_INDEX + "cpu"]))
    size = "the CPU build" if platform == "win32" else "the large build with CUDA, which runs on the CPU too"
    tries.append((f"{size}, from the package index", [pinned]))
    return tries


def pip_install(arguments: list[str], *, last: bool = True) -> None:
    """Run pip in .venv. A terminal sees pip's own progress bars, a log file one line per download."""
    command = [str(venv_python()), "-I", "-m", "pip", "install", "--disable-pip-version-check", "--no-input",
               "--log", str(LOG), *arguments]  # fmt: skip
    if not last:  # this place may not have it or not answer: find out quickly and quietly
        command += ["--retries", "1", "--timeout", "20"]
    LOG.unlink(missing_ok=True)
    if sys.stdout.isatty():
        quiet = None if last else subprocess.DEVNULL
        code = subprocess.run(command, env=clean_environment(), stderr=quiet).returncode
    else:
        with subprocess.Popen(
            command, env=clean_environment(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        ) as process:
            assert process.stdout is not None
            for line in process.stdout:
                if line.lstrip().startswith(("Downloading", "Installing", "Using cached", "Successfully")):
                    say("  " + line.strip()[:110])
        code = process.returncode
    if code:
        log = LOG.read_text(encoding="utf-8", errors="replace") if LOG.exists() else ""
        raise SetupError(pip_reason(log) if last else "pip found nothing")


def pip_reason(log: str) -> str:
    """What to tell a person about pip's log of a failed run."""
    if "No space left on device" in log or "not enough space" in log:
        return "The disk is full. Make about 2 GB of room and run the same command again."
    if "CERTIFICATE_VERIFY_FAILED" in log:
        return (
            "The package server's certificate was not accepted. Behind a company's proxy, set PIP_CERT to "
            "its certificate file and run the same command again."
        )
    unreachable = ("NewConnectionError", "NameResolutionError", "ConnectTimeout", "ProxyError")
    if any(sign in log for sign in unreachable):
        return "The package server cannot be reached. Check the network and run the same command again."
    errors = [line.split(" ", 1)[-1].strip() for line in log.splitlines() if "ERROR" in line]
    lines = "\n".join(f"  {line}" for line in errors[-3:])
    return f"pip could not install a package:\n{lines}\nIts log is {LOG}. Run the same command again."


def clean_environment() -> dict:
    """The environment without what would lead pip or Python out of .venv."""
    environment = dict(os.environ)
    for name in ("PYTHONHOME", "PYTHONPATH", "PIP_TARGET", "PIP_PREFIX", "PIP_USER", "PIP_ROOT"):
        environment.pop(name, None)
    environment["PIP_USER"] = "0"  # also against a setting in pip's own configuration file
    return environment


def check_system(what: str) -> bool:
    """Qt's libraries, a Chinese font, the test tools; installed when we may. True: all is there."""
    step("Checking the system's libraries and fonts")
    where = [str(venv_python()), "-I", "-c", "import PySide6; print(PySide6.__path__[0])"]
    done = subprocess.run(where, env=clean_environment(), capture_output=True, text=True)
    libraries = system.missing_libraries(Path(done.stdout.strip()))
    packages = sorted({system.package_of(library) for library in libraries} - {""})
    if not system.has_chinese_font():
        packages += [system.FONT_PACKAGE] if shutil.which("fc-list") else [system.FONT_PACKAGE, "fontconfig"]
    if what == "test":
        packages += [system.TEST_TOOLS[tool] for tool in system.missing_tools()]
    if not packages:
        return True
    if system.is_debian() and system.is_root():
        apt_install(packages)
        return True
    if system.is_debian():
        say(f"  To complete the set-up run this once:\n    {system.apt_line(packages)}")
    else:
        say("  Please install these with your system's package manager (Debian's names):")
        say("    " + " ".join(packages))
    if libraries and (what == "test" or system.has_display()):
        raise SetupError("The window cannot open without the packages named above. Then run this again.")
    return False


def apt_install(packages: list[str]) -> None:
    step(f"Installing with apt-get: {' '.join(packages)}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["apt-get", "update", "-q"], system.apt_line(packages, sudo=False).split()):
        done = subprocess.run(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
    if done.returncode:
        raise SetupError(
            "apt-get could not install what is missing. Check the network, or run this yourself:\n"
            f"  {system.apt_line(packages)}\n{done.stdout.strip()[-600:]}"
        )


# --- the app


def prepare_app() -> None:
    """Models and launcher. Neither stops the app: it can fetch a model by itself, too."""
    step("Checking the starter model")
    if run_in_venv(["-I", "-m", "autogpt_desktop.catalog", STARTER]):
        say("  Going on without it: the app offers the download again.")
    stamp = read_stamp()
    if not stamp.get("embedder"):  # asked for once: who removed it, or is offline, is left alone
        step("Checking the model that finds passages by meaning")
        if run_in_venv(["-I", "-m", "autogpt_desktop.catalog", embedder()]):
            say("  Going on without it: files are searched by their words, and the app offers it again.")
        stamp["embedder"] = True
        write_stamp(stamp, set(stamp.get("done", [])))
    step("Putting AutoGPT Desktop into the applications menu")
    try:
        say(f"  {launcher.install(ROOT, venv_python(), version())}")
    except OSError as error:
        say(f"  That did not work ({error}). Start it with: {venv_python()} {' '.join(launcher.START)}")


def embedder() -> str:
    """The model that finds passages; one for many languages where the system speaks another than English."""
    name = os.environ.get("LC_ALL") or os.environ.get("LANG") or locale.getlocale()[0] or ""
    code = re.match("[a-z]{2}(?![a-z])", name)  # not of "C" or "POSIX", nor of Windows' long names
    chinese = name.lower().startswith("chinese")
    return MULTILINGUAL_EMBEDDER if chinese or (code and code[0] != "en") else EMBEDDER


def version() -> str:
    """Read, not imported: the package's own libraries are in .venv, not here."""
    text = (ROOT / "autogpt_desktop" / "_version.py").read_text(encoding="utf-8")
    return text.partition('__version__ = "')[2].partition('"')[0]


def start_app() -> int:
    step("Starting AutoGPT Desktop")
    # from the person's folder, as from the menu: there the dialogs for files begin.
    # Without a display it says so and chats right here.
    return run_in_venv(launcher.START, cwd=Path.home())


# --- the tests


def fetch_test_models() -> None:
    step("Checking the models for the tests")
    models = ROOT / "models"
    for names, folder in ((TEST_MODELS, models), (TEST_PACKS, models / "for-tests")):
        if run_in_venv(["-I", "-m", "autogpt_desktop.catalog", *names, "--folder", str(folder)]):
            raise SetupError("The models for the tests could not be fetched; the reason is above.")


def run_tests(arguments: list[str], *, weights: bool = False) -> int:
    """Lint, types, tests; every one runs, so that one run shows all. Returns 0 when all are right.

    ``weights``: the models that the tests need are fetched, while types are checked.
    """
    environment = clean_environment()
    # the tests start many Pythons, and each would compile the package again
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    wrong = []
    for name, command in {"ruff check": ["check", "."], "ruff format": ["format", "--check", "."]}.items():
        step(f"Running {name}")
        if run_in_venv(["-m", "ruff", *command], cwd=ROOT):
            wrong.append(name)
    with tempfile.TemporaryFile("w+", encoding="utf-8") as report:
        step("Starting mypy; its report comes last")
        command = [str(venv_python()), "-m", "mypy"]
        mypy = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=report, stderr=subprocess.STDOUT)
        try:
            if weights:
                fetch_test_models()
        except BaseException:
            mypy.kill()
            mypy.wait()
            raise
        step("Running pytest" + (f" ({' and '.join(wrong)} found something, see above)" if wrong else ""))
        status = run_in_venv(["-m", "pytest", "-q", *arguments], cwd=ROOT, env=environment)
        if status == 130:  # Ctrl+C
            mypy.kill()
        step("Waiting for mypy")
        if mypy.wait():
            wrong.append("mypy")
        report.seek(0)
        say(report.read().strip())
    if wrong:
        say(f"Found something: {', '.join(wrong)}; see above.")
    return status or (1 if wrong else 0)


# --- helpers


def run_in_venv(arguments: list[str], cwd: Path | None = None, env: dict | None = None) -> int:
    try:
        command = [str(venv_python()), *arguments]
        return subprocess.run(command, cwd=cwd, env=env or clean_environment()).returncode
    except KeyboardInterrupt:
        return 130


START = time.monotonic()


def step(text: str) -> None:
    say(f"[{time.monotonic() - START:5.1f} s] {text}")


def say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
