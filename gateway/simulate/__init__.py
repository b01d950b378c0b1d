"""Conversations on trial: callers played from scripts, through the real media path and pipeline."""
