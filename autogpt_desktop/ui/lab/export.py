"""The curves of a run as a picture or a table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QFileDialog, QWidget

from autogpt_desktop import atomic
from autogpt_desktop.errors import KnownError
from autogpt_desktop.i18n import tr
from autogpt_desktop.ui.widgets.basic import png_bytes
from autogpt_desktop.ui.widgets.focus import hand_on

if TYPE_CHECKING:
    from autogpt_desktop.ui.context import AppContext
    from autogpt_desktop.ui.lab.curves import Curves

KINDS = {".csv": "CSV (*.csv)", ".png": "PNG (*.png)"}


def export_curves(context: AppContext, curves: Curves, name: str, ending: str, parent: QWidget) -> None:
    """Ask where, and write; what goes wrong is shown."""
    stem = (
        "".join(letter if letter.isalnum() or letter in " -_." else " " for letter in name).strip() or "run"
    )
    suggested = str(Path.home() / f"{stem}{ending}")
    chosen, _ = QFileDialog.getSaveFileName(parent, tr("Export the curves"), suggested, KINDS[ending])
    hand_on(parent)
    if not chosen:
        return
    path = Path(chosen)
    path = path if path.suffix.lower() == ending else path.with_name(path.name + ending)
    try:
        atomic.write_bytes(path, [content(curves, ending)])
    except OSError as error:
        context.show_error(
            KnownError("file-not-written", name=path.name, reason=error.strerror or str(error))
        )
        return
    context.toast(tr("Saved as {name}", name=path.name))


def content(curves: Curves, ending: str) -> bytes:
    """The file."""
    if ending == ".csv":
        return ("\ufeff" + curves.table()).encode()
    return png_bytes(curves.picture())
