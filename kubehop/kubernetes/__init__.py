"""A small client of the Kubernetes REST API, made for a command that starts fast."""
