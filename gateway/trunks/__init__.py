"""Trunks: the carriers and PBXs that calls come from and go to. No sockets, no clock."""
