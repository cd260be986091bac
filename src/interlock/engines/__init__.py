"""The letterboxes: what engines say runs, as facts of `core.events`."""
