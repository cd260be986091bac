"""Ways to pass a request on: what a container may choose, but NGINX takes no variable for. Each has its location."""

from typing import NamedTuple

from interlock.core.model import Options, Retry, Verify

RETRIES = {
    Retry.OFF: "off",
    Retry.SAFE: "error timeout",
    Retry.SAFE_5XX: "error timeout http_500 http_502 http_503 http_504",
    Retry.ALL: "error timeout non_idempotent",
}
"""When NGINX tries another server. It never repeats a POST, LOCK or PATCH that was sent, but for `non_idempotent`;
a connection that was refused is an `error` like others, so that `off` loses requests to a container that has gone."""


class Way(NamedTuple):
    """How requests of a site are passed on."""

    retry: Retry = Retry.SAFE
    verified: bool = False
    """Whether the container's certificate is checked."""

    @property
    def name(self) -> str:
        """What its location is called; "" for the usual one.

        >>> Way().name, Way(Retry.SAFE_5XX).name, Way(verified=True).name
        ('', 'safe-5xx', 'safe-verified')
        """
        return "" if self == Way() else f"{self.retry}{'-verified' if self.verified else ''}"


def way_of(options: Options) -> Way:
    return Way(options.retry, options.ssl_backend and options.ssl_backend_verify is Verify.REQUIRED)
