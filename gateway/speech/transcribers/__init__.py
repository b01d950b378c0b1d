"""Transcribers' dialects: pure machines, frames in and words out; the driver has the socket."""
