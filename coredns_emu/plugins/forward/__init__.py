from coredns_emu.plugins.forward.handler import Forward

__all__ = ["Forward"]
