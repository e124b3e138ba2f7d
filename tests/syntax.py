"""The package's own sources, as trees."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from autogpt_desktop import paths

PACKAGE = paths.import_root() / "autogpt_desktop"


def nodes(path: Path, *words: str) -> Iterator[ast.AST]:
    """Every node of a file, in no order; none where it holds none of ``words``: most files do not."""
    text = path.read_text(encoding="utf-8")
    if words and not any(word in text for word in words):
        return
    stack: list[ast.AST] = [ast.parse(text, str(path))]
    while stack:
        node = stack.pop()
        yield node
        for value in vars(node).values():  # several times as fast as ast.walk
            if isinstance(value, ast.AST):
                stack.append(value)
            elif isinstance(value, list):
                stack += [one for one in value if isinstance(one, ast.AST)]
