"""``models search`` in the terminal."""

from __future__ import annotations

from autogpt_desktop.cli.output import say, tell, terminal_line
from autogpt_desktop.i18n import tr


def tell_found(words: str) -> None:
    """A line for each repository: what ``models get`` takes, how often it was fetched, its licence. Raises
    KnownError: hub-…."""
    from autogpt_desktop.catalog.hub.client import search

    found = search(words)
    if not found:
        tell(tr("Nothing was found. Try fewer or other words."))
    for each in found:
        facts = [
            f"{each.parameters / 1e9:.1f}B" if each.parameters else "",
            " ".join(each.formats),
            tr("{n} downloads", n=f"{each.downloads:,}"),
            each.license,
            tr("needs an accepted licence") if each.gated else "",
        ]
        say(terminal_line("\t".join([each.repository, *filter(None, facts)]).replace("\n", " ")))
