"""Flows as Hubble shows them: which to show, and how."""
