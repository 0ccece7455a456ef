"""Kubernetes objects as the network sees them, deaf to what cannot be understood.

Readers return None for an object that does not exist for the network (a finished pod, a slice of
no Service) and leave out addresses that are none: what one user wrote must not stop everybody.
"""
