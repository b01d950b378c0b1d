"""The sound of every call: one process, one beat of 20 ms, one row per two-way line."""
