"""`interlock undrain`: a drained container back into rotation."""

import typer

from interlock.cli.arguments import AsJson, Who
from interlock.cli.daemon import daemon_of
from interlock.cli.receipts import names, tell
from interlock.cli.route_table import state_text
from interlock.core.status import ContainerStatus


def undrain(ctx: typer.Context, *, container: Who, json: AsJson = False) -> None:
    """Put a drained container back into rotation.

    It takes requests again as soon as it is ready: a HEALTHCHECK counts as ever.

    Exit codes: 0 the order is in force; 1 Interlock does not run or its proxy does not answer; 2 nothing is called so.

    Example: interlock undrain web_1
    """
    receipt = daemon_of(ctx.obj).undrain(container)
    waiting = [each for each in receipt.containers if each.places and not each.in_rotation]
    lines = [f"{names(receipt.containers)}: no longer drained"]
    lines += [f"{names([each])}: not in rotation yet: {_what_it_is(each)}" for each in waiting]
    tell(receipt, lines, json=json)


def _what_it_is(container: ContainerStatus) -> str:
    """Its state where it is not in rotation."""
    place = next(place for place in container.places if not place.in_rotation)
    return state_text(place.state, waits=place.waits)
