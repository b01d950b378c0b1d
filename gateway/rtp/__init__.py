"""RTP (RFC 3550): packets, jitter and telephone digits, handled in batches over rows."""
