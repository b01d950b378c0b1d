"""Hearing, thinking and speaking: what a vendor is, and the vendors."""
