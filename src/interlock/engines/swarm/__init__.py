"""Swarm mode: services and tasks of a whole swarm, as the containers of one engine."""
