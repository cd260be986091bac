"""URLs of those whom plugins tell things."""

from yarl import URL


def http_url(text: str) -> URL | None:
    """A URL that can be posted to; None for anything else."""
    try:
        url = URL(text)
    except ValueError:
        return None
    return url if url.scheme in {"http", "https"} and url.host else None
