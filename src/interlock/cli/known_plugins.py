"""The installed plugins, as the settings need to know them."""

from interlock.plugins.registry import find_all
from interlock.settings import Known


def known_plugins() -> Known:
    """Every plugin that is installed, also those that cannot be loaded."""
    found = find_all()
    return Known(
        types={each.name: each.plugin.settings for each in found if each.plugin is not None},
        broken={each.name: each.problem for each in found if each.plugin is None},
    )
