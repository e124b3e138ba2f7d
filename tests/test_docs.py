"""Pages for people who join name files; a file that has moved since leads them astray."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
# a name in backquotes with a known ending, or a folder
NAMED = re.compile(r"`((?:[\w.-]+/)*[\w.-]+\.(?:py|toml|json|md|txt|h|cpp|yml|yaml)|(?:[\w.-]+/)+)`")


def named_files(page: Path) -> list[str]:
    return NAMED.findall(page.read_text(encoding="utf-8"))


@pytest.mark.slow
@pytest.mark.parametrize("page", [page for page in PAGES if page.exists()], ids=lambda page: page.name)
def test_files_that_a_page_names_exist(page: Path) -> None:
    """Full paths count from the root or the package; the end of one may lie anywhere in them."""
    folders = [ROOT / "autogpt_desktop", ROOT / "tests", ROOT / "resources"]
    files = [*ROOT.iterdir(), *(path for folder in folders for path in folder.rglob("*.*"))]
    ends = {f"/{path.relative_to(ROOT).as_posix()}" for path in files}
    missing = [
        name
        for name in named_files(page)
        if not (ROOT / name).exists()
        and not (ROOT / "autogpt_desktop" / name).exists()
        and not any(end.endswith(f"/{name}") for end in ends)
    ]
    assert not missing


def test_a_wrong_name_would_be_seen(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("See `ui/chat/nothing.py` and `tests/`.", encoding="utf-8")
    assert named_files(page) == ["ui/chat/nothing.py", "tests/"]
