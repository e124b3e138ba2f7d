"""After set-up nothing needs the network: proved with every socket but local ones denied."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "autogpt_desktop"


def offline(*arguments: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
    """Run Python without a network."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    command = [sys.executable, str(ROOT / "tests/offline.py"), *arguments]
    return subprocess.run(
        command,
        cwd=ROOT,
        env={**environment, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
    )


def test_the_network_is_denied_indeed() -> None:
    done = offline(
        "-c",
        "import socket, subprocess, sys\n"
        "socket.socketpair()\n"
        "try: socket.create_connection(('127.0.0.1', 9), timeout=1)\n"
        "except PermissionError: print('denied')\n"
        "child = 'import socket; socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)'\n"
        "print(subprocess.run([sys.executable, '-c', child], capture_output=True, text=True).stderr)\n",
    )
    assert done.stdout.startswith("denied"), done.stdout + done.stderr
    if sys.platform == "linux":
        assert "PermissionError" in done.stdout  # a child process is under it too


@pytest.mark.slow
def test_every_module_imports() -> None:
    speed = PACKAGE / "bench" / "speed"
    peers = {speed / "llama_cpp.py": "llama_cpp", speed / "transformers_peer.py": "transformers"}
    assert all(path.is_file() for path in peers)
    names = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for path in sorted(PACKAGE.rglob("*.py"))
        if path.name not in ("__init__.py", "__main__.py")
        and (path not in peers or importlib.util.find_spec(peers[path]))
    ]
    done = offline("-c", f"import importlib\nfor name in {names!r}: importlib.import_module(name)")
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_the_window_opens() -> None:
    done = offline(
        "-c",
        "from autogpt_desktop import app\n"
        "application = app.make_application()\n"
        "context, window = app.make_window()\n"
        "window.first_painted.connect(window.close)\n"
        "window.show()\n"
        "application.exec()\n"
        "print('stopped', context.worker.stop(60_000))\n"
        "context.history.close()\n",
    )
    assert done.stdout.strip() == "stopped True", done.stdout + done.stderr
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_starter_answers(starter_gguf: Path) -> None:
    """``autogpt-desktop chat``: the answer and nothing else on standard output."""
    done = offline(
        "autogpt_desktop", "chat", "What is the capital of France?",
        "--temperature", "0", "--max-tokens", "40", "--model", starter_gguf.parent.name,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "Paris" in done.stdout
    assert "{" not in done.stdout
    assert "%" not in done.stdout
