"""The version, in one place: the package, the log's first line and `interlock info` all read it."""

__version__ = "2.0.0.dev0"
