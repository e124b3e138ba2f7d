"""Two processes that share each step learn what one does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from autogpt_desktop.lab.runs.events import Train
from tests.lab.train.kit import finish, trainer

CHILD = """
import json, sys
from pathlib import Path
import torch
from autogpt_desktop.lab.runs.events import Train
from autogpt_desktop.lab.train.parallel import join_group, leave_group
from tests.lab.train.kit import finish, trainer
torch.set_num_threads(1)
one = trainer(Path(sys.argv[1]), max_steps=20, batch=8)
one.group = join_group()
events, outcome = finish(one)
if one.group.leads:
    losses = [event.loss for event in events if isinstance(event, Train)]
    Path(sys.argv[2]).write_text(json.dumps(losses))
leave_group()
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="torchrun wants libuv there")
def test_two_processes_have_the_curve_of_one(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    events, _ = finish(trainer(tmp_path / "one", max_steps=20, batch=8))
    wanted = [event.loss for event in events if isinstance(event, Train)]
    script, out = tmp_path / "child.py", tmp_path / "losses.json"
    script.write_text(CHILD, encoding="utf-8")
    root = Path(__file__).resolve().parents[3]
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    environment = {**os.environ, "PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"}
    command += [str(script), str(tmp_path / "two"), str(out)]
    subprocess.run(command, cwd=root, env=environment, check=True, timeout=300)
    got = json.loads(out.read_text(encoding="utf-8"))
    assert len(got) == len(wanted) == 20
    assert max(abs(a - b) for a, b in zip(got, wanted, strict=True)) <= 1e-5
