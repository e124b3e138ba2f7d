"""The child process that draws formulas with ziamath, which as a thread would hold up the window.

Run as a script by :mod:`formulas` (``python -I formula_child.py <folders with ziamath and ours>``); in a
frozen app a spawned process calls ``serve``. A request is a JSON list of sources; each gets a JSON reply.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from autogpt_desktop.sandbox import Receive, Send

LONGEST = 500  # characters: what is longer stays source
MEMORY = 1 << 30  # bytes of address space
ALARM = 10  # seconds; the parent is faster, this is for when it died
FOREIGN = "\u2e80"  # from here on the formulas' font has no characters
_EM = 24.0  # px for which they are drawn
_FIRST = (r"$\frac{a}{b}$", r"$$\sum_{i=1}^n \sqrt{x_i} \in \mathbb{R}$$")  # with them comes what is lazy


@dataclass(frozen=True)
class Drawing:
    """A formula; lengths in em of its font."""

    svg: str  # in black
    width: float
    ascent: float
    descent: float


def serve(receive: Receive, send: Send) -> None:
    """Answer requests until ``receive`` raises EOFError."""
    from autogpt_desktop.sandbox import limit

    with suppress(AttributeError, OSError):  # Windows has no such function
        os.nice(5)  # the window first
    for source in _FIRST:
        draw(source)
    limit({"AS": MEMORY, "FSIZE": 0, "CORE": 0}, for_good=True)
    send(b"{}")  # ready
    while True:
        for source in json.loads(receive()):
            _alarm(ALARM)
            drawing = draw(source)
            _alarm(0)
            send(json.dumps(asdict(drawing) if drawing else None).encode())


def draw(source: str) -> Drawing | None:
    """A formula with its marks ($…$, \\\\(…\\\\), …) as a picture; None: it is not understood."""
    marks = 1 if source.startswith("$") and not source.startswith("$$") else 2
    body = source[marks:-marks].strip()
    if len(source) > LONGEST or max(body, default="") >= FOREIGN:
        return None
    try:
        from ziamath.config import config
        from ziamath.tex import tex2mml
        from ziamath.zmath import Math

        config.svg2 = False  # Qt knows no <symbol>
        mathml = tex2mml(body, inline=not source.startswith(("$$", "\\[")))
        if "\\" in mathml or "mi>&#x0005C;" in mathml:  # a command that it does not know, spelled out
            return None
        math = Math(mathml, size=_EM)
        svg = math.svgxml()
        _, top, width, height = map(float, svg.attrib["viewBox"].split())
        if not (0 < width < 400 * _EM and 0 < height < 100 * _EM):
            return None
        return Drawing(math.svg(), width / _EM, -top / _EM, (height + top) / _EM)
    except Exception:  # a stranger's formula, and a parser that raises whatever comes
        return None


def _alarm(seconds: int) -> None:
    if hasattr(signal, "alarm"):
        signal.alarm(seconds)  # unhandled: the process ends, also within one long operation


def main() -> None:
    """Serve on standard input and output."""
    sys.path += sys.argv[1:]
    from autogpt_desktop.sandbox import serve_pipes

    serve_pipes(serve)


if __name__ == "__main__":
    main()
