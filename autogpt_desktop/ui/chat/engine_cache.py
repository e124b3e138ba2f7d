"""What the engine keeps of conversations, in memory and on disk: its names, and forgetting it with them."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from autogpt_desktop.i18n import tr
from autogpt_desktop.paths import states_dir
from autogpt_desktop.tasks.chat import forget, forget_saved, kept_name

if TYPE_CHECKING:
    from autogpt_desktop.engine.model_pool import JobModels
    from autogpt_desktop.storage.conversations.store import History
    from autogpt_desktop.ui.context import AppContext


def cache_name(history: History, conversation_id: int) -> str:
    """The engine's name for a conversation; what is not stored in the history is not written either."""
    return kept_name(conversation_id) if history.lasting else f"{id(history)}/{conversation_id}"


class EngineCache:
    """Follows the purges of the user's history."""

    def __init__(self, context: AppContext) -> None:
        self.context = context
        self.closing = False  # no job is to be submitted any more
        context.history.on_purge.append(self._forget_purged)

    def forget(self, names: Sequence[str]) -> None:
        """Drop what is kept under ``names``, on the worker's thread."""
        if not names:
            return

        def forget_all(models: JobModels) -> None:
            for name in names:
                forget(models, name)

        self.context.before_unload.append(forget_all)  # also where the job does not come to run
        if self.context.model() is None or self.closing:
            return

        def job(models: JobModels, _cancel: threading.Event) -> Iterator[object]:
            forget_all(models)
            yield from ()

        self.context.submit_with_models(job, title=tr("Forgetting"), lane="background")

    def _forget_purged(self, conversation_ids: list[int]) -> None:
        names = [cache_name(self.context.history, number) for number in conversation_ids]
        forget_saved(states_dir(), names)  # now: no job, and no model, is to be waited for
        self.forget(names)
