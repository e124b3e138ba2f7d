"""What one pack takes: resident memory and the time to load, measured in a process of its own.

Python, numpy and our modules are loaded before, and a first sentence is translated behind; what lies between
is the pack's.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from autogpt_desktop.bench.child import STATUS, module_command, status_mb
from autogpt_desktop.catalog.pack_folder import Pack


def pack_memory(pack: Pack, sentence: str) -> dict[str, float] | None:
    """files_mb, rss_mb (megabytes, 10⁶ bytes, with ``sentence`` translated), rss_to_files, load_s.

    None on systems without /proc. Raises RuntimeError with what the child printed last.
    """
    if not STATUS.exists():
        return None
    folder = pack.files["model"].parent
    command = [*module_command("autogpt_desktop.bench.translate.memory"), str(folder), sentence]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False)
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    files = sum(path.stat().st_size for path in set(pack.files.values())) / 1e6
    return {"files_mb": files, **figures, "rss_to_files": figures["rss_mb"] / files}


def main() -> None:
    """The child that ``pack_memory`` starts; it prints its figures as JSON."""
    from autogpt_desktop.engine import native
    from autogpt_desktop.engine.generation.seq2seq import Sentence
    from autogpt_desktop.engine.load import run_to_end
    from autogpt_desktop.engine.load_pack import load_pack

    folder, sentence = Path(sys.argv[1]), sys.argv[2]
    native.library()
    before, started = status_mb("VmRSS"), time.perf_counter()
    engine = run_to_end(load_pack(folder))
    load_s = time.perf_counter() - started
    first, second = engine.config.pairs[0] if engine.config.pairs else ("", "")
    engine.translate([Sentence(sentence)], first, second)
    print(json.dumps({"rss_mb": status_mb("VmRSS") - before, "load_s": load_s}))
    sys.stdout.flush()
    os._exit(0)  # what it takes to end is not asked


if __name__ == "__main__":
    main()
