"""Calls: legs, routes, admission, actions on the phone, and the record of what happened."""
