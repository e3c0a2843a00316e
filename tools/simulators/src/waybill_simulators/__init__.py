"""Platforms over HTTP, for the demo and for tests."""
