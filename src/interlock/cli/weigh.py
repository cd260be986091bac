"""`interlock weigh`: shares of the traffic, changed while it flows."""

from typing import Annotated

import typer

from interlock.cli.arguments import AsJson
from interlock.cli.daemon import daemon_of
from interlock.cli.receipts import names, tell
from interlock.core.problems import shown
from interlock.settings import SettingsError

DEFAULT = "default"


def weigh(
    ctx: typer.Context,
    *,
    target: Annotated[
        str, typer.Argument(metavar="TARGET", help="A Compose service, [PROJECT/]SERVICE; or a container's name or id.")
    ],
    weight: Annotated[
        str, typer.Argument(metavar="WEIGHT", help="0 to 256 (containers have 100 unless they ask), or default.")
    ],
    json: AsJson = False,
) -> None:
    """Give a service or a container another share of its traffic.

    The share of a server is its weight divided by all weights of its route; 0 takes no new request. No reload is
    needed, and what is under way is not touched. The weight of a service counts for all of its containers, also those
    started later; that of a container beats it. Both beat interlock.weight, and hold until they are set to default.

    Exit codes: 0 the order is in force; 1 Interlock does not run or its proxy does not answer; 2 nothing is called so.

    Example: interlock weigh green 10 && interlock weigh blue 90
    """
    receipt = daemon_of(ctx.obj).weigh(target, _weight(weight))
    who = names(receipt.containers) or shown(target)
    tell(receipt, [f"{who}: weight {weight}"], json=json)


def _weight(text: str) -> int | None:
    if text == DEFAULT:
        return None
    if not text.isascii() or not text.isdecimal() or len(text) > len("256"):
        raise SettingsError(f"the weight {shown(text)} is no number from 0 to 256", fix=f"write 50, or {DEFAULT}")
    return int(text)
