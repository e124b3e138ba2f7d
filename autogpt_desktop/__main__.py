"""``autogpt-desktop``: without arguments the window, with a command the terminal."""

from __future__ import annotations

import sys


def main() -> int:
    """Returns the exit status."""
    if len(sys.argv) > 1:
        from autogpt_desktop.cli import main as cli_main

        return cli_main.main(sys.argv[1:])
    from autogpt_desktop import app

    return app.main()


if __name__ == "__main__":
    sys.exit(main())
