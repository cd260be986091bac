"""What can be set for the webhook plugin."""

from typing import Annotated

import msgspec

from interlock.settings import Option


class WebhookSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of the plugin ``webhook``."""

    urls: Annotated[
        tuple[str, ...],
        Option(key="URLs", env="WEBHOOK_URLS", doc="http:// or https:// URLs that are told, each for itself."),
    ] = ()
    kinds: Annotated[
        tuple[str, ...],
        Option(
            key="Kinds",
            env="WEBHOOK_KINDS",
            doc="Kinds of happenings that are told; * for all, also EventSeen, of which there are many.",
        ),
    ] = (
        "PlanApplied",
        "ReloadDone",
        "ApplyFailed",
        "ProblemRaised",
        "ProblemSolved",
        "EngineLost",
        "EngineRecovered",
    )
    secret: Annotated[
        str,
        Option(
            key="Secret",
            env="WEBHOOK_SECRET",
            secret=True,
            doc="Key of the signatures: whsec_ and base64, or any text. "
            "Unset: generated and kept in secret in the plugin's state folder.",
        ),
    ] = ""
    secret_file: Annotated[
        str,
        Option(key="SecretFile", env="WEBHOOK_SECRET_FILE", doc="File that holds the key, instead of Secret."),
    ] = ""
    timeout: Annotated[
        float,
        Option(
            key="Timeout",
            env="WEBHOOK_TIMEOUT",
            unit="s",
            minimum=1,
            maximum=300,
            doc="Seconds that a receiver may take to answer.",
        ),
    ] = 10.0
    give_up_after: Annotated[
        float,
        Option(
            key="GiveUpAfter",
            env="WEBHOOK_GIVE_UP_AFTER",
            unit="s",
            minimum=1,
            maximum=604800,
            doc="Seconds for which one message is tried again, after growing pauses, before it is dropped.",
        ),
    ] = 3600.0
    queue: Annotated[
        int,
        Option(
            key="Queue",
            env="WEBHOOK_QUEUE",
            minimum=1,
            maximum=100000,
            doc="Messages that wait for one receiver; the next one pushes the oldest out.",
        ),
    ] = 1000
