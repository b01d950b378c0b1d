"""The REST API and the server messages, in Vapi's shapes; the only place where its names exist."""
