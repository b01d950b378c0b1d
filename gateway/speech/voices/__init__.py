"""Voices, as dialects: a file for each vendor."""
