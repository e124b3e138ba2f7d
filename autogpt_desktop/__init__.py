"""AutoGPT Desktop: language models on your own machine.

``AutoModel`` and ``AutoTokenizer`` are the way in for Python programs; they are loaded on first use,
so that importing the package stays quick.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from autogpt_desktop._version import __version__

if TYPE_CHECKING:
    from autogpt_desktop.auto import AutoModel, AutoTokenizer

__all__ = ["AutoModel", "AutoTokenizer", "__version__"]


def __getattr__(name: str) -> Any:
    if name in ("AutoModel", "AutoTokenizer"):
        from autogpt_desktop import auto

        return getattr(auto, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
