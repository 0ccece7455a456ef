from coredns_emu.plugins.loadbalance.handler import LoadBalance

__all__ = ["LoadBalance"]
