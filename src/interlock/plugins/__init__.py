"""The bell plate: who is there, found by the entry-point group that a third party uses too."""
