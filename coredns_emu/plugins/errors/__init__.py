from coredns_emu.plugins.errors.handler import Errors

__all__ = ["Errors"]
