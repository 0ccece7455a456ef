"""Clusters of network namespaces on this machine: what `kubehop up` starts and `down` ends."""
