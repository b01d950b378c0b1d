"""Trunkline: a voice-agent gateway. SIP trunks in, an AI agent on every call."""

__version__ = "0.1.0"
