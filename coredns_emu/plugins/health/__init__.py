from coredns_emu.plugins.health.page import health

__all__ = ["health"]
