"""What is wrong with an assistant that is well formed."""

from gateway.errors import GatewayError


class Unusable(GatewayError):
    """No call can be held with the assistant; ``str()`` names the field."""
