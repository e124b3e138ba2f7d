"""What the worker has for one client, on its way to the event loop: bounded, and heard of at once."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from typing import Any

MOST = 256  # items that wait for a client who does not read; then its answer is not gone on with


class Outbox:
    """Made on the event loop's thread; ``put`` and ``full`` are the worker's, the rest is the loop's."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._lock = threading.Lock()
        self._items: deque[Any] = deque()
        self._ready = asyncio.Event()
        self._told = False
        self.closed = False  # nobody reads any more

    def put(self, item: object) -> None:
        """Never waits. What is put behind the client's going is dropped."""
        with self._lock:
            if self.closed:
                return
            self._items.append(item)
            if self._told:
                return
            self._told = True
        try:
            self._loop.call_soon_threadsafe(self._ready.set)
        except RuntimeError:  # the server has ended
            self.closed = True

    @property
    def full(self) -> bool:
        return len(self._items) >= MOST

    async def take(self) -> list[Any]:
        """All that is there, at least one item."""
        await self._ready.wait()
        with self._lock:
            self._ready.clear()
            self._told = False
            items = list(self._items)
            self._items.clear()
        return items

    def close(self) -> None:
        """The client is gone: what is written for it ends at the next pass."""
        with self._lock:
            self.closed = True
            self._items.clear()
