"""What the index of a collection makes its vectors with."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import TYPE_CHECKING, Any

from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Notice, Progress

if TYPE_CHECKING:
    from autogpt_desktop.documents.index.index import Embedder


def embedding_model(models: Any) -> Generator[Progress | Notice, None, Any | None]:
    """The embed role's EncoderEngine; None where no model can play the role."""
    try:
        return (yield from models.get("embed"))
    except KnownError as error:
        if error.key not in ("no-model-for-role", "no-model"):
            raise
        return None


def embedder(
    models: Any, cancelled: Callable[[], bool] = lambda: False
) -> Generator[Progress | Notice, None, Embedder | None]:
    """The embed role's model for ``Index.index``; None where there is none: words alone are searched."""
    from autogpt_desktop.documents.index.index import Embedder

    engine = yield from embedding_model(models)
    if engine is None:
        return None

    def embed(texts: Sequence[str]) -> Any:
        found: list[Any] = [None] * len(texts)
        for step in engine.embed(texts, cancelled):
            if not isinstance(step, Progress):
                found[step[0]] = step[1].cpu().numpy()
        return found

    return Embedder(engine.name, embed)
