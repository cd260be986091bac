"""Interlock watches Docker and keeps HAProxy routing to the containers that are up."""

from interlock.version import __version__

__all__ = ["__version__"]
