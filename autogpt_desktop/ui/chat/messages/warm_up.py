"""What answers need first: in the middle of a stream the window would stand still while it is imported."""

from __future__ import annotations

import threading
import time
from functools import cache

from autogpt_desktop.ui.chat.messages.highlight import find_lexer
from autogpt_desktop.ui.chat.messages.markdown_parse import parser

_LANGUAGES = (
    "python", "bash", "json", "javascript", "html", "css", "sql", "typescript", "java", "c", "cpp", "csharp",
    "go", "rust", "yaml", "xml", "php", "ruby", "markdown", "powershell", "kotlin", "swift",
)  # fmt: skip
_REST = 0.02  # seconds, for the window


@cache
def warm_up() -> threading.Thread:
    """Import it on a thread of its own, once."""
    thread = threading.Thread(target=_import, name="warm-up", daemon=True)
    thread.start()
    return thread


def _import() -> None:
    parser().parse("**a** `b` https://example.org\n\n| a |\n|---|\n| 1 |\n\n- c\n\n> d\n\n$e$\n")
    for language in _LANGUAGES:
        time.sleep(_REST)
        lexer = find_lexer(language)
        for _ in lexer.get_tokens("a = 1\n") if lexer else ():
            pass
