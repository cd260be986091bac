"""The workshops: each proxy on its own, behind the one contract."""
