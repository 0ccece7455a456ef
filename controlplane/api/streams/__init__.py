"""Connections to running containers: logs, exec, attach."""
