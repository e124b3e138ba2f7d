"""The keys of the Questions panel, as the list of shortcuts shows them."""

from __future__ import annotations

from autogpt_desktop.i18n import tr


def shortcut_rows() -> tuple[str, list[tuple[str, str]]]:
    return tr("Questions"), [
        ("Enter", tr("Ask")),
        ("Esc", tr("Stop, or close the document")),
        ("↑", tr("Take up the last question again (in an empty field)")),
        ("Ctrl+N", tr("New conversation")),
        ("Ctrl+K", tr("Earlier questions")),
        ("Ctrl+R", tr("Ask again")),
        ("Ctrl+Shift+C", tr("Copy the answer with its sources")),
        ("Alt+1 … Alt+5", tr("Open a passage of the evidence")),
        ("Alt+↑ / Alt+↓", tr("Previous or next question")),
        ("Ctrl+E", tr("Files or pasted text")),
        ("Ctrl+L", tr("Go to the question field")),
    ]
