"""Replacing the containers of a Compose service one after the other, without losing a request."""
