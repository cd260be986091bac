"""Drives the whole program by a recording: no Docker, no proxy, no clock but the recording's."""
