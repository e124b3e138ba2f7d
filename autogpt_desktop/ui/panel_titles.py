"""What panels are called: on their tabs, in menus and in the queue."""

from __future__ import annotations

from autogpt_desktop.i18n import tr


def titles(key: str) -> str:
    """What the tab says."""
    names = {
        "chat": tr("Chat"),
        "translate": tr("Translate"),
        "answer": tr("Questions"),
        "sentiment": tr("Sentiment"),
        "lab": tr("Lab"),
    }
    return names[key]


def send_titles(key: str) -> str:
    """What the menu of another panel offers to do with its text."""
    names = {
        "chat": tr("Chat about this"),
        "translate": tr("Translate this"),
        "answer": tr("Ask about this"),
        "sentiment": tr("Sentiment of this"),
        "lab": tr("Look inside this"),
    }
    return names[key]


def job_title(key: str, text: str) -> str:
    """What the queue says of a panel's job about ``text``."""
    return tr("{panel}: {text}", panel=titles(key), text=" ".join(text[:400].split())[:80])
