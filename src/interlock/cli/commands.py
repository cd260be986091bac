"""The commands by name, each loaded when it is used, with global flags allowed on either side of it."""

import importlib
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from interlock.cli.hoist import hoist, options_of
from interlock.core.problems import shown
from interlock.settings import SettingsError
from interlock.settings.faults import suggestion

EPILOG = "Global options, such as --swarm-url, may stand before the command or after it: see interlock --help."


class Entry(NamedTuple):
    """One command in the table."""

    name: str
    summary: str
    """The first line of its function's docstring."""
    module: str
    function: str


COMMANDS = (
    Entry("start", "Watch the engine with the plugins that --plugin names.", "interlock.cli.start", "start"),
    Entry("run", "Watch the engine as a configuration file says.", "interlock.cli.run", "run"),
    Entry("routes", "Show what is routed where, and what cannot be.", "interlock.cli.routes", "routes"),
    Entry("status", "Show how the running Interlock is.", "interlock.cli.status", "status"),
    Entry("top", "Show what every route and server has to do, live.", "interlock.cli.top", "top"),
    Entry("explain", "Explain why a container takes traffic, or does not.", "interlock.cli.explain", "explain"),
    Entry("trace", "Show what becomes of a request for a URL.", "interlock.cli.trace", "trace"),
    Entry("drain", "Take a container out of rotation until `undrain`.", "interlock.cli.drain", "drain"),
    Entry("undrain", "Put a drained container back into rotation.", "interlock.cli.undrain", "undrain"),
    Entry(
        "rollout",
        "Replace the containers of a Compose service without losing a request.",
        "interlock.cli.rollout",
        "rollout",
    ),
    Entry("weigh", "Give a service or a container another share of its traffic.", "interlock.cli.weigh", "weigh"),
    Entry("maintenance", "Close a host with a message, or open it again.", "interlock.cli.maintenance", "maintenance"),
    Entry("confirm", "Believe a list that lost most of what ran, at once.", "interlock.cli.confirm", "confirm"),
    Entry("lint", "Find mistakes in Compose files before they are deployed.", "interlock.cli.lint", "lint"),
    Entry("history", "Show what was done, and why: the last revisions.", "interlock.cli.history", "history"),
    Entry("show", "Show one revision: its causes, its steps, and what it changed.", "interlock.cli.show", "show"),
    Entry("diff", "Show which routes are otherwise at one revision than at another.", "interlock.cli.diff", "diff"),
    Entry(
        "plan",
        "Show what would change if Interlock were started now, or a Compose file deployed.",
        "interlock.cli.plan",
        "plan",
    ),
    Entry(
        "doctor",
        "Look for what would keep Interlock from starting here, or from serving well.",
        "interlock.cli.doctor",
        "doctor",
    ),
    Entry("rollback", "Serve the routes of a revision until `unpin`.", "interlock.cli.rollback", "rollback"),
    Entry("unpin", "Serve what the containers ask for, no longer a revision.", "interlock.cli.rollback", "unpin"),
    Entry("freeze", "Hold the routes and their options as they are, for a while.", "interlock.cli.freeze", "freeze"),
    Entry("unfreeze", "Hold the routes no longer.", "interlock.cli.freeze", "unfreeze"),
    Entry("agent", "Show this machine's engine to Interlocks elsewhere, read-only.", "interlock.cli.agent", "agent"),
    Entry(
        "agent keys",
        "Make the certificates of `agent`, and those that let Interlock in.",
        "interlock.cli.agent_keys",
        "agent_keys",
    ),
    Entry(
        "agent check",
        "Say whether the agent of this machine works, for a HEALTHCHECK.",
        "interlock.cli.agent_check",
        "agent_check",
    ),
    Entry("template", "Check a template of your own, or show a built-in one.", "interlock.cli.template", "template"),
    Entry("record", "Record what comes in, for `replay`, until Ctrl-C.", "interlock.cli.record", "record"),
    Entry("replay", "Drive the whole program by a recording, without Docker.", "interlock.cli.replay", "replay"),
    Entry("spec", "Print a configuration file with every setting.", "interlock.cli.spec", "spec"),
    Entry("list-plugins", "List the installed plugins.", "interlock.cli.list_plugins", "list_plugins"),
    Entry("info", "Show the versions of Interlock and of the proxies.", "interlock.cli.info", "info"),
    Entry(
        "completion",
        "Print what makes a shell complete commands, flags and names.",
        "interlock.cli.completion",
        "completion",
    ),
    Entry("help", "Show this help, or that of a command.", "interlock.cli.help", "show_help"),
)


class HelpfulCommand(TyperCommand):
    """A command with our help page."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        formatter.write(_help_page(self, ctx))


class Deferred(TyperCommand):
    """A command of which only name and summary are known, until somebody uses it.

    `interlock --help` must not wait for what `interlock start` needs.
    """

    def __init__(self, entry: Entry) -> None:
        super().__init__(entry.name, help=entry.summary)
        self._entry = entry

    def load(self) -> Any:
        """The command itself."""
        app = typer.Typer(add_completion=False)
        function = getattr(importlib.import_module(self._entry.module), self._entry.function)
        app.command(self._entry.name, cls=HelpfulCommand, epilog=EPILOG)(function)
        return get_command(app)

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """Parse for the command itself; from here on the context's command is that one."""
        return self.load().make_context(info_name, args, parent, **extra)


class Commands(TyperGroup):
    """The group `interlock`."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        for entry in COMMANDS:
            self.add_command(Deferred(entry))

    def format_help(self, ctx: Any, formatter: Any) -> None:
        formatter.write(_help_page(self, ctx))

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Bring the global flags to the front, where the parser looks for them."""
        return super().parse_args(ctx, hoist(args, options_of(self.params)))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command, which may be of two words, or say which one was meant. Raises SettingsError."""
        if (both := " ".join(args[:2])) in self.commands:
            args = [both, *args[2:]]
        if args[0] not in self.commands and not ctx.resilient_parsing:
            fix = suggestion(args[0], self.commands, otherwise=f"the commands are {', '.join(self.commands)}")
            raise SettingsError(f"there is no command {shown(args[0])}", fix=fix)
        return super().resolve_command(ctx, args)

    def list_commands(self, ctx: Any) -> list[str]:
        """Those that a shell may offer; one of two words would be inserted as one."""
        return [name for name in super().list_commands(ctx) if " " not in name]

    def commands_with(self, option: str) -> Iterable[str]:
        """Names of the commands that have an option of their own, for a flag that was typed in the wrong place."""
        for name, command in self.commands.items():
            if isinstance(command, Deferred) and any(option in each.opts for each in command.load().params):
                yield name


def _help_page(command: Any, ctx: Any) -> str:
    """The page as text. Its module is loaded only now: whoever asks for no help need not wait for Rich."""
    page: Callable[[Any, Any], str] = importlib.import_module("interlock.cli.help_page").help_page
    return page(command, ctx)
