"""``autogpt-desktop``: without arguments the window, with a command the terminal."""

from __future__ import annotations

import sys


def main() -> int:
    """Returns the exit status."""
    if len(sys.argv) > 1:
        from autogpt_desktop.cli.main import main as run_command

        return run_command(sys.argv[1:])
    from autogpt_desktop.display import has_display

    if not has_display():
        return chat_in_terminal()
    from autogpt_desktop import app

    return app.main()


def chat_in_terminal() -> int:
    """What opens where no window can."""
    from autogpt_desktop import i18n
    from autogpt_desktop.app import saved_language
    from autogpt_desktop.cli.main import main as run_command

    i18n.set_language(saved_language())
    print(i18n.tr("There is no display here, so the chat opens in this terminal."), file=sys.stderr)
    return run_command(["chat"])


if __name__ == "__main__":
    sys.exit(main())
