from coredns_emu.plugins.kubernetes.handler import Kubernetes

__all__ = ["Kubernetes"]
