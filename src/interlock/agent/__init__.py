"""A read-only window to one engine: it holds the Docker socket, so that nobody else has to."""
