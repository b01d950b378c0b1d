"""How a vendor refuses, and what is to be made of it: trouble, whose fault, retry after (s)."""

import pytest

from gateway.errors import Fault
from tests.simulators.wire import Trouble

REFUSALS = [
    pytest.param(Trouble("refuse", status=401), Fault.AUTH, None, id="401"),
    pytest.param(Trouble("refuse", status=402), Fault.QUOTA, None, id="402"),
    pytest.param(Trouble("refuse", status=400), Fault.OURS, None, id="400"),
    pytest.param(Trouble("refuse", status=429, retry_after="3"), Fault.OVERLOAD, 3.0, id="429"),
    pytest.param(Trouble("refuse", status=500), Fault.THEIRS, None, id="500"),
    pytest.param(Trouble("refuse", status=503), Fault.THEIRS, None, id="503"),
]
