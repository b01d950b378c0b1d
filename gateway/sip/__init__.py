"""SIP, RFC 3261 and friends: a sans-IO user agent, and the sockets at its edge."""
