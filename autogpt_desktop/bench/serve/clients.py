"""Clients of a server, in a process of their own: ``python -m autogpt_desktop.bench.serve.clients``.

Reads one JSON object (url, key, model, clients, tokens) from standard input and writes one with the figures.
"""

from __future__ import annotations

import http.client
import json
import sys
import threading
import time
from typing import Any
from urllib.parse import urlsplit

_PROMPTS = (
    "Tell me about the history of the lighthouse.",
    "How is bread baked in a wood-fired oven?",
    "What should I see in a week in Lisbon?",
    "Explain why the sky is blue to a child.",
    "Write a letter to a neighbor about a fence.",
)


def ask(work: dict[str, Any], number: int, heard: dict[int, tuple[float, float, int]]) -> None:
    """One streamed answer of ``tokens`` tokens: its first text's time, its end, its tokens."""
    place = urlsplit(work["url"])
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=600)
    body = {
        "model": work["model"],
        "messages": [{"role": "user", "content": f"{number}. {_PROMPTS[number % len(_PROMPTS)]}"}],
        "max_tokens": work["tokens"],
        "logit_bias": {str(id): -100 for id in work["end_ids"]},  # all answers are of one length
        "stream": True,
        "stream_options": {"include_usage": True},
        "seed": number,
    }
    headers = {"Authorization": f"Bearer {work['key']}", "Content-Type": "application/json"}
    connection.request("POST", f"{place.path}/chat/completions", json.dumps(body), headers)
    response = connection.getresponse()
    first, tokens = 0.0, 0
    for line in response:
        if not line.startswith(b"data: {"):
            continue
        chunk = json.loads(line[6:])
        if "error" in chunk:
            raise RuntimeError(chunk["error"]["message"])
        if not first and chunk["choices"] and chunk["choices"][0]["delta"].get("content"):
            first = time.perf_counter()
        tokens = (chunk.get("usage") or {}).get("completion_tokens", tokens)
    heard[number] = (first, time.perf_counter(), tokens)
    connection.close()


def measure(work: dict[str, Any]) -> dict[str, float]:
    """All clients at once: tokens a second in total, and seconds to the first text on average."""
    heard: dict[int, tuple[float, float, int]] = {}
    threads = [threading.Thread(target=ask, args=(work, n, heard)) for n in range(work["clients"])]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if len(heard) < len(threads):
        raise RuntimeError(f"{len(threads) - len(heard)} clients were not answered")
    seconds = max(end for _, end, _ in heard.values()) - began
    return {
        "tokens": float(sum(tokens for _, _, tokens in heard.values())),
        "seconds": seconds,
        "tokens_per_second": sum(tokens for _, _, tokens in heard.values()) / seconds,
        "first_text_s": sum(first - began for first, _, _ in heard.values()) / len(heard),
    }


def main() -> None:
    json.dump(measure(json.load(sys.stdin)), sys.stdout)


if __name__ == "__main__":
    main()
