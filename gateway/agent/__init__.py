"""One conversation per call: turns, words, tools. Knows no SIP and no API."""
