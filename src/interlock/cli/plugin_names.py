"""Names of plugins for the shell to offer, without loading one: `interlock --help` must not wait for them either."""

from importlib.metadata import entry_points

GROUP = "interlock.plugins"
"""The same as :data:`interlock.plugins.registry.GROUP`, whose module loads what plugins are made of."""


def offer_plugins(incomplete: str) -> list[str]:
    return sorted(point.name for point in entry_points(group=GROUP) if point.name.startswith(incomplete))
