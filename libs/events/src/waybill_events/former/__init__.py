"""Versions of events that old releases write and topics keep: each is read, and says itself in the next version."""
