from coredns_emu.plugins.ready.page import ready

__all__ = ["ready"]
