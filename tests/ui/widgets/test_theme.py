"""Colors, the style sheet, icons."""

from __future__ import annotations

import re

import pytest
from PySide6.QtCore import QSize
from PySide6.QtGui import QColor, QFontDatabase, QGuiApplication, QIcon, QTextLayout
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from autogpt_desktop import paths
from autogpt_desktop.ui.context import AppContext
from autogpt_desktop.ui.widgets import icons
from autogpt_desktop.ui.widgets.theme import DARK, HAN, LIGHT, contrast, theme

READ_ON = {  # every pair that text is painted in
    "text": ("surface", "raised", "hover", "accent_soft", "code_bg", "selection"),
    "muted": ("surface", "raised", "hover"),
    "accent": ("surface", "raised", "accent_soft"),
    "on_accent": ("accent", "accent_hover"),
    "danger": ("surface", "raised"),
    "warning": ("surface", "raised"),
    "positive": ("surface", "raised", "hover", "accent_soft"),
    "neutral": ("surface", "raised", "hover", "accent_soft"),
    "negative": ("surface", "raised", "hover", "accent_soft"),
    "surface": ("text",),  # notices
    "toast_accent": ("text", "toast_hover"),
}


@pytest.mark.parametrize("colors", [LIGHT, DARK], ids=["light", "dark"])
def test_text_can_be_read(colors: dict[str, str]) -> None:
    too_faint = [
        (front, back, round(contrast(QColor(colors[front]), QColor(colors[back])), 2))
        for front, backs in READ_ON.items()
        for back in backs
        if contrast(QColor(colors[front]), QColor(colors[back])) < 4.5
    ]
    assert not too_faint


@pytest.mark.parametrize("colors", [LIGHT, DARK], ids=["light", "dark"])
def test_controls_and_focus_can_be_seen(colors: dict[str, str]) -> None:
    for front in ("control", "accent"):
        for back in ("surface", "raised"):
            assert contrast(QColor(colors[front]), QColor(colors[back])) >= 3


def test_contrast_is_that_of_wcag() -> None:
    assert contrast(QColor("#000000"), QColor("#ffffff")) == pytest.approx(21)
    assert contrast(QColor("#777777"), QColor("#ffffff")) == pytest.approx(4.48, abs=0.01)


def test_forced_theme_restyles_everything_and_is_remembered(shell_context: AppContext, qtbot: QtBot) -> None:
    with qtbot.waitSignal(shell_context.theme_changed):
        shell_context.set_theme("dark")
    assert shell_context.is_dark()
    assert shell_context.settings.theme == "dark"
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    assert app.palette().window().color() == QColor(DARK["surface"])
    assert DARK["accent"] in app.styleSheet()
    assert LIGHT["accent"] not in app.styleSheet()
    shell_context.set_theme("light")
    assert not shell_context.is_dark()


def test_theme_follows_the_system(shell_context: AppContext, qtbot: QtBot) -> None:
    shell_context.set_theme("system")
    dark = QGuiApplication.styleHints().colorScheme().name == "Dark"
    assert shell_context.is_dark() == dark


def test_style_sheet_is_filled_in(shell_context: AppContext) -> None:
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    assert not re.findall(r"@\w+", app.styleSheet())
    for file in re.findall(r'url\("([^"]+)"\)', app.styleSheet()):
        assert (paths.resources() / "icons" / file.rsplit("/", 1)[1]).is_file()


@pytest.mark.slow
def test_every_icon_draws_something_in_one_color(shell_context: AppContext) -> None:
    files = sorted((paths.resources() / "icons").glob("*.svg"))
    names = [file.stem for file in files if not file.stem.startswith(("app", "control-"))]
    assert len(names) >= 30
    for name in names:
        assert "currentColor" in (paths.resources() / "icons" / f"{name}.svg").read_text(), name
        image = icons.render(name, QSize(40, 40), 2.0, QColor("#ff0000")).toImage()
        assert image.size() == QSize(40, 40)
        assert image.devicePixelRatio() == 2.0
        pixels = [image.pixelColor(x, y) for x in range(40) for y in range(40)]
        seen = {pixel.name() for pixel in pixels if pixel.alpha() == 255}
        assert seen, (name, seen)
        assert all(color.startswith("#f") and color.endswith("0000") for color in seen), (name, seen)


def test_icons_follow_the_theme_without_being_set_again(shell_context: AppContext) -> None:
    def color_of(icon: QIcon) -> set[str]:
        image = icon.pixmap(QSize(20, 20), 2.0).toImage()
        pixels = (image.pixelColor(x, y) for x in range(image.width()) for y in range(image.height()))
        return {pixel.name() for pixel in pixels if pixel.alpha() == 255}

    icon = icons.icon("stop")
    assert color_of(icon) == {LIGHT["text"]}
    shell_context.set_theme("dark")
    assert color_of(icon) == {DARK["text"]}


def test_icon_is_rendered_for_the_screen_it_is_on(shell_context: AppContext) -> None:
    for scale in (1.0, 1.25, 2.0, 3.0):
        pixmap = icons.icon("search").pixmap(QSize(20, 20), scale)
        assert pixmap.width() == round(20 * scale)


def test_unknown_icon_is_a_bug() -> None:
    with pytest.raises(FileNotFoundError):
        icons.icon("no-such-icon")


def test_type_sizes_are_four_and_grow(shell_context: AppContext) -> None:
    points = [theme().points(size) for size in ("small", "body", "heading", "title")]
    assert points == sorted(set(points))


def test_chinese_is_drawn_with_a_simplified_face(qapp: QApplication) -> None:
    theme().install("light")
    families = qapp.font().families()
    wanted = [name for name in HAN if name in QFontDatabase.families()][:1]
    assert families[1:] == wanted
    assert families[0]
    if wanted:
        layout = QTextLayout("直骨 and Latin", qapp.font())
        layout.beginLayout()
        layout.createLine()
        layout.endLayout()
        drawn = [run.rawFont().familyName() for run in layout.glyphRuns()]
        assert wanted[0] in drawn
        assert len(drawn) == 2
