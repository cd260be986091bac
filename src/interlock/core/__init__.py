"""The study: what is true and what to do about it. No socket, file, clock, log or task in here."""
