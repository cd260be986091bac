"""Ports that nobody has, and that nobody gets by chance before the test does."""

from interlock.testing.ports import free_port

__all__ = ["free_port"]
