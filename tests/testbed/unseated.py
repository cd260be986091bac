"""Sites that ask for what nobody else asks for: HAProxy has no spare backend for them, so each takes a reload."""

KINDS = tuple(
    f'"balance_algorithm":"{balance}","retry":"{retry}"'
    for balance in ("leastconn", "source", "uri", "first", "random")
    for retry in ("safe", "safe-5xx", "all", "off")
)
"""Twenty ways to ask, in INTERLOCK_DATA; a spare is loaded for what somebody asks for already."""


def unseated(number: int) -> str:
    """What the site of this number asks for: twenty in a row have nothing in common."""
    return KINDS[number % len(KINDS)]
