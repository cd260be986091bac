"""The local HTTP API: looks at :mod:`interlock.core.status`, and passes orders on."""
