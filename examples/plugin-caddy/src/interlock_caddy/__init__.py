"""Caddy as a proxy of Interlock: `pip install` this package, then `interlock --plugin caddy start`."""
