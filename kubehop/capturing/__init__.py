"""Captures as files and as lines."""
