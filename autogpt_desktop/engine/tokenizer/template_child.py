"""The child process that renders chat templates. A template is a stranger's program.

Run as a script by :mod:`chat_template` (``python -I template_child.py <folders with jinja2 and ours>``); in a
frozen app a spawned process calls ``serve``. Requests and replies are JSON; the first holds the template.
"""

from __future__ import annotations

import json
import re
import signal
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from autogpt_desktop.sandbox import Receive, Send

MEMORY = 512 << 20  # bytes of address space
OUTPUT = 1 << 20  # characters that a template may add to the messages
ALARM = 10  # seconds; the parent is faster, this is for when it died


def serve(receive: Receive, send: Send) -> None:
    """Answer render requests until ``receive`` raises EOFError."""
    from jinja2.meta import find_undeclared_variables

    from autogpt_desktop.sandbox import limit

    environment = _environment()
    environment.from_string("{{ strftime_now('%d') ~ [1] | tojson }}").render()  # imports what is lazy
    limit({"AS": MEMORY, "FSIZE": 0, "CORE": 0}, for_good=True)  # no files written or read
    send(b"{}")  # ready
    first = json.loads(receive())
    template = None
    while True:
        received = receive()
        request = json.loads(received)
        try:
            _alarm(ALARM)
            if template is None:
                template = environment.from_string(first["source"])
            reply: dict[str, object]
            if request.get("variables"):
                reply = {"variables": sorted(find_undeclared_variables(environment.parse(first["source"])))}
            else:
                chunks = template.generate(**first["tokens"], **request)
                reply = {"text": _join(chunks, OUTPUT + 4 * len(received))}
        except Exception as error:  # whatever a stranger's program can raise
            reply = {"error": f"{type(error).__name__}: {error}"[:500]}
        finally:
            _alarm(0)
        send(json.dumps(reply).encode())


def _join(chunks: Iterator[str], budget: int) -> str:
    parts: list[str] = []
    for chunk in chunks:
        budget -= len(chunk)
        if budget < 0:
            raise OverflowError("the template writes too much")
        parts.append(chunk)
    return "".join(parts)


def _environment() -> Any:
    """Jinja2's sandbox with the helpers that Hugging Face's templates expect."""
    from datetime import datetime

    from jinja2 import nodes
    from jinja2.exceptions import SecurityError, TemplateError
    from jinja2.ext import Extension
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    class Generation(Extension):
        """``{% generation %}…{% endgeneration %}`` marks answers for training; here its body counts."""

        tags = {"generation"}  # noqa: RUF012  as jinja2 declares it

        def parse(self, parser: Any) -> Any:
            line = next(parser.stream).lineno
            body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
            return nodes.Scope(body, lineno=line)

    class Environment(ImmutableSandboxedEnvironment):
        """Also keeps single operations from eating all memory where the system sets no limit."""

        intercepted_binops = frozenset({"*", "**", "%"})

        def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
            if operator == "*":
                for value, times in ((left, right), (right, left)):
                    if isinstance(times, int) and hasattr(value, "__len__") and len(value) * times > OUTPUT:
                        raise SecurityError("too long")
                    if isinstance(times, int) and times.bit_length() > 1 << 14:
                        raise SecurityError("too large a number")
            if operator == "**" and not (abs(left) <= 1 << 64 and abs(right) <= 64):
                raise SecurityError("too large a number")
            if operator == "%" and isinstance(left, str) and re.search(r"\d{5}|\*", left):
                raise SecurityError("too wide")
            return super().call_binop(context, operator, left, right)

    def raise_exception(message: str) -> None:
        raise TemplateError(message)

    def strftime_now(format: str) -> str:
        return datetime.now().strftime(format)

    def tojson(value: Any, ensure_ascii: bool = False, **options: Any) -> str:
        return json.dumps(value, ensure_ascii=ensure_ascii, **options)

    environment = Environment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, "jinja2.ext.loopcontrols"]
    )
    environment.filters["tojson"] = tojson
    environment.globals["raise_exception"] = raise_exception
    environment.globals["strftime_now"] = strftime_now
    return environment


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
