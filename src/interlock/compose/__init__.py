"""Compose files on paper: a file of any format becomes the containers that Compose would make of it."""

from interlock.compose.containers import containers_of
from interlock.compose.project import Project, read_project
from interlock.compose.service import Service

__all__ = ["Project", "Service", "containers_of", "read_project"]
