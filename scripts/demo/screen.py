"""What the demo looks like on a terminal: one line a step, ticked when it is done."""

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

from rich.console import Console
from rich.table import Table
from rich.text import Text

BAR = 30
"""Characters of a share's bar, if one container answered everything."""
NAME_WIDTH = 27
WORTH_TELLING = 0.5
"""Seconds from which a step's duration is shown."""


class Step:
    """One line, while it is under way."""

    def __init__(self) -> None:
        self.told = ""

    def tell(self, what: str) -> None:
        """What came of it, for the line that stays."""
        self.told = what


class Screen:
    """Where everything is printed."""

    def __init__(self) -> None:
        self.console = Console(highlight=False)

    def title(self, text: str) -> None:
        self.console.print(f"\n[bold]{text}[/]\n")

    @contextmanager
    def step(self, name: str) -> Iterator[Step]:
        """A line with a spinner that becomes a tick, or a cross when the step raises."""
        step = Step()
        began = time.monotonic()
        try:
            with self.console.status(f"{name} ..."):
                yield step
        except BaseException:
            self._line("[bold red]✘[/]", name, "failed", began)
            raise
        self._line("[bold green]✔[/]", name, step.told, began)

    def _line(self, mark: str, name: str, told: str, began: float) -> None:
        seconds = time.monotonic() - began
        took = f"  [dim]{seconds:.1f} s[/]" if seconds >= WORTH_TELLING else ""
        self.console.print(f"  {mark} {name:<{NAME_WIDTH}} {told}{took}".rstrip(), soft_wrap=True)

    def sentence(self, text: str) -> None:
        self.console.print(f"\n  {text}", soft_wrap=True)

    def note(self, text: str) -> None:
        self.console.print(f"  [yellow]•[/] {text}", soft_wrap=True)

    def who_answered(self, names: Mapping[str, str], answers: "Counter[str]") -> None:
        """A table of containers (host name to name) and their shares."""
        table = Table(title="Who answered", title_justify="left", box=None, padding=(0, 2), title_style="bold")
        table.add_column("container")
        table.add_column("host name", style="dim")
        table.add_column("requests", justify="right")
        table.add_column("share", justify="right")
        table.add_column("")
        total = answers.total() or 1
        for host, name in sorted(names.items(), key=lambda item: item[1]):
            count = answers[host]
            bar = Text("█" * max(1 if count else 0, round(BAR * count / total)), style="green")
            table.add_row(name, host, str(count), f"{count / total:.0%}", bar)
        self.console.print()
        self.console.print(table)

    def quote(self, title: str, lines: Iterable[str]) -> None:
        """What a program said, in its own words."""
        self.console.print(f"\n[bold]{title}[/]")
        for line in lines:
            self.console.print(Text(f"  {line}", style="dim"), soft_wrap=True)

    def commands(self, title: str, lines: list[tuple[str, str]]) -> None:
        """Commands to type, each with what it does above it; printed so that they can be copied."""
        self.console.print(f"\n[bold]{title}[/]")
        for what, command in lines:
            self.console.print(f"  [dim]# {what}[/]", soft_wrap=True)
            self.console.print(Text(f"  {command}"), soft_wrap=True)

    def failure(self, what: str, details: str) -> None:
        self.console.print(f"\n[bold red]The demo failed:[/] {what.splitlines()[0]}", soft_wrap=True)
        rest = "\n".join(what.splitlines()[1:])
        for text in (rest, details):
            if text:
                self.console.print(Text(text, style="dim"), soft_wrap=True)
