"""A call from outside: an independent SIP stack calls a target and judges what it meets."""
