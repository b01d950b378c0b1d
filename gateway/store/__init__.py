"""What outlives the process: assistants, phone numbers and the records of calls."""

from gateway.store.calls import StoredCall
from gateway.store.database import Holdings, Store
from gateway.store.errors import StoreError, Taken
from gateway.store.rows import Bound, Stored

__all__ = ["Bound", "Holdings", "Store", "StoreError", "Stored", "StoredCall", "Taken"]
