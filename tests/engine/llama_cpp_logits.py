"""What llama.cpp says to tiny models, for test_llama_cpp.py: writes tests/data/llama_cpp_logits.json.

    python -m tests.engine.llama_cpp_logits PYTHON

PYTHON: an interpreter that has llama-cpp-python (0.3.36 wrote what is there); this one needs none.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.tiny import write_tiny_gguf

FILE = Path(__file__).parent.parent / "data" / "llama_cpp_logits.json"
IDS = [(7 * index * index + 3 * index) % 250 for index in range(120)]
SHOWN = 24  # logits of the last token that are kept, from the first on
# the same weights on every machine: floats, so that no product is rounded to 8 bits there
_PHI3: dict[str, Any] = {"title": "Tiny"}  # where a name has "phi3" in it, it looks for more tokens
MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "llama": ("llama", {}),
    "smollm3": ("smollm3", {"layers": 5, "tied": True}),
    "granite": ("granite", {}),
    "phi3": ("phi3", _PHI3),
    "phi3-longrope": ("phi3", _PHI3 | {"long_rope": True}),
    "olmo2": ("olmo2", {}),
    "mistral3": ("mistral3", {}),
    "hunyuan-dense": ("hunyuan-dense", {"tied": True}),
}
_CHILD = """
import json, sys
import llama_cpp
path, ids = sys.argv[1], json.loads(sys.argv[2])
model = llama_cpp.Llama(path, n_ctx=256, n_batch=256, logits_all=True, verbose=False, n_threads=2)
model.eval(ids)
print(json.dumps([float(one) for one in model.scores[len(ids) - 1]]))
"""


def write(name: str, folder: Path) -> Path:
    family, options = MODELS[name]
    path = folder / f"{name}.gguf"
    write_tiny_gguf(path, family, quant="F32", **options)
    return path


def main() -> None:
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in MODELS:
            path = write(name, Path(folder))
            done = subprocess.run(
                [sys.argv[1], "-c", _CHILD, str(path), json.dumps(IDS)], capture_output=True, text=True
            )
            if done.returncode:
                raise SystemExit(f"{name}: {done.stderr[-2000:]}")
            logits = json.loads(done.stdout)
            found[name] = [round(one, 5) for one in logits[:SHOWN]]
    FILE.write_text(json.dumps(found, indent=0) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
