"""Arguments that several commands take."""

from typing import Annotated

import typer

from interlock.cli.completing import offer_targets

Who = Annotated[
    str,
    typer.Argument(
        metavar="CONTAINER",
        help="Name, id or its beginning; or a Compose service, [PROJECT/]SERVICE.",
        autocompletion=offer_targets,
    ),
]
OfFile = Annotated[
    str,
    typer.Option(
        "--file", metavar="FILE", help="Ask this Compose file, recording, or output of `docker inspect`; - is stdin."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Until = Annotated[
    str,
    typer.Option("--for", "--until", metavar="TIME", help="When it ends by itself: 2h, or 2026-11-24T18:00:00+01:00."),
]
Number = Annotated[int, typer.Argument(metavar="N", min=1, help="Of a revision, as `interlock history` lists it.")]
