"""The command line. `main` is what the program `interlock` runs."""

from interlock.cli.root import main

__all__ = ["main"]
