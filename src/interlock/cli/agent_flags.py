"""Flags that `interlock agent` and `interlock agent check` share.

In a module of their own, as the check runs every few seconds: it should not wait for what the agent needs.
"""

from typing import Annotated

import typer

Listen = Annotated[
    str,
    typer.Option(
        "--listen", metavar="ADDRESS", envvar="INTERLOCK_AGENT_LISTEN", help="Serve over mutual TLS there: :7777."
    ),
]
Socket = Annotated[
    str,
    typer.Option(
        "--socket", metavar="FILE", envvar="INTERLOCK_AGENT_SOCKET", help="Serve on a unix socket, of mode 600."
    ),
]
Ca = Annotated[
    str,
    typer.Option(
        "--tls-ca", metavar="FILE", envvar="INTERLOCK_AGENT_TLS_CA", help="CA that clients need a certificate of."
    ),
]
Cert = Annotated[
    str,
    typer.Option("--tls-cert", metavar="FILE", envvar="INTERLOCK_AGENT_TLS_CERT", help="The agent's certificate."),
]
Key = Annotated[str, typer.Option("--tls-key", metavar="FILE", envvar="INTERLOCK_AGENT_TLS_KEY", help="The key of it.")]
