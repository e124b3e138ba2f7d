"""Put AutoGPT Desktop into the applications menu. Standard library only."""

from __future__ import annotations

import os
import plistlib
import shutil
import struct
import subprocess
import sys
from pathlib import Path

NAME = "AutoGPT Desktop"
NAME_ZH = "AutoGPT 桌面版"
ID = "autogpt-desktop"  # also the window's desktop file name, so that the dock shows our icon
COMMENT = "Chat with language models on this computer, offline"
# Isolated: a random.py in the folder where it starts, or in PYTHONPATH, is not taken for Python's own.
START = ["-I", "-m", "autogpt_desktop"]
COMMENT_ZH = "在本机离线与语言模型聊天"


def install(root: Path, python: Path, version: str) -> Path:
    """Make the launcher of this system; returns it. Raises OSError when it cannot be written."""
    if sys.platform == "darwin":
        return install_macos(root, python, version, Path.home() / "Applications")
    if sys.platform == "win32":
        menu = Path(os.environ["APPDATA"]) / "Microsoft/Windows/Start Menu/Programs"
        return install_windows(root, python, menu)
    data = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local/share")
    return install_linux(root, python, Path(data))


# --- Linux


def quoted(argument: str) -> str:
    """One argument of a desktop entry's Exec line, quoted as the specification wants it."""
    for character in ("\\", '"', "`", "$"):
        argument = argument.replace(character, "\\" + character)
    # first the quoting rule of Exec, then the escaping rule of every string value
    return '"' + argument.replace("\\", "\\\\").replace("%", "%%") + '"'


def desktop_entry(python: Path) -> str:
    return "\n".join(
        [
            "[Desktop Entry]",
            "Type=Application",
            "Version=1.5",
            f"Name={NAME}",
            f"Name[zh_CN]={NAME_ZH}",
            "GenericName=Local AI chat",
            "GenericName[zh_CN]=本地 AI 聊天",
            f"Comment={COMMENT}",
            f"Comment[zh_CN]={COMMENT_ZH}",
            f"Exec={quoted(str(python))} {' '.join(START)}",
            f"Icon={ID}",
            "Terminal=false",
            "StartupNotify=true",
            f"StartupWMClass={ID}",
            "Categories=Utility;Science;ArtificialIntelligence;",
            "Keywords=AI;LLM;GGUF;chat;聊天;大模型;",
            "",
        ]
    )


def install_linux(root: Path, python: Path, data: Path) -> Path:
    icons = root / "resources/icons"
    for icon, folder in (
        ("app.svg", "scalable"),
        ("app-256.png", "256x256"),
        ("app-512.png", "512x512"),
    ):
        place = data / "icons/hicolor" / folder / "apps"
        place.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(icons / icon, place / f"{ID}{Path(icon).suffix}")
    entry = data / "applications" / f"{ID}.desktop"
    entry.parent.mkdir(parents=True, exist_ok=True)
    entry.write_text(desktop_entry(python), encoding="utf-8")
    entry.chmod(0o755)
    # Both only refresh what the desktop remembers; it looks by itself where they are missing.
    refresh = {
        "update-desktop-database": [entry.parent],
        "gtk-update-icon-cache": ["-q", "-t", data / "icons/hicolor"],
    }
    for tool, arguments in refresh.items():
        if program := shutil.which(tool):
            subprocess.run([program, *map(str, arguments)], capture_output=True)
    return entry


# --- macOS


def icns(pngs: dict[bytes, bytes]) -> bytes:
    """Apple's icon container around PNG images, by type (``ic08``: 256 pixels, ``ic09``: 512)."""
    parts = b"".join(kind + struct.pack(">I", len(png) + 8) + png for kind, png in pngs.items())
    return b"icns" + struct.pack(">I", len(parts) + 8) + parts


def install_macos(root: Path, python: Path, version: str, applications: Path) -> Path:
    app = applications / f"{NAME}.app"
    contents = app / "Contents"
    for folder in ("MacOS", "Resources"):
        (contents / folder).mkdir(parents=True, exist_ok=True)
    info = {
        "CFBundleName": NAME,
        "CFBundleDisplayName": NAME,
        "CFBundleIdentifier": "org.autogpt-desktop.app",
        "CFBundleVersion": version,
        "CFBundleShortVersionString": version,
        "CFBundlePackageType": "APPL",
        "CFBundleExecutable": ID,
        "CFBundleIconFile": "app",
        "CFBundleLocalizations": ["en", "zh_CN"],
        "NSHighResolutionCapable": True,
    }
    (contents / "Info.plist").write_bytes(plistlib.dumps(info))
    pictures = {kind: (root / f"resources/icons/app-{size}.png").read_bytes()
                for kind, size in ((b"ic08", 256), (b"ic09", 512))}  # fmt: skip
    (contents / "Resources/app.icns").write_bytes(icns(pictures))
    program = contents / "MacOS" / ID
    path = str(python).replace("'", "'\\''")
    program.write_text(f"#!/bin/sh\nexec '{path}' {' '.join(START)} \"$@\"\n", encoding="utf-8")
    program.chmod(0o755)
    return app


# --- Windows


def shortcut_script(link: Path, python: Path, icon: Path) -> str:
    """The PowerShell that makes a Start menu shortcut without a console window."""

    def text(value: object) -> str:
        return "'" + str(value).replace("'", "''") + "'"

    windowless = python.with_name("pythonw.exe")
    return "; ".join(
        [
            f"$link = (New-Object -ComObject WScript.Shell).CreateShortcut({text(link)})",
            f"$link.TargetPath = {text(windowless)}",
            f"$link.Arguments = {text(' '.join(START))}",
            f"$link.IconLocation = {text(icon)}",
            f"$link.Description = {text(COMMENT)}",
            "$link.Save()",
        ]
    )


def install_windows(root: Path, python: Path, menu: Path) -> Path:
    menu.mkdir(parents=True, exist_ok=True)
    link = menu / f"{NAME}.lnk"
    script = shortcut_script(link, python, root / "packaging/app.ico")
    done = subprocess.run(
        ["powershell", "-NoProfile", "-ExecutionPolicy", "Bypass", "-Command", script],
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise OSError(done.stderr.strip() or "PowerShell made no shortcut")
    return link
