from dataclasses import dataclass

from coredns_emu.plugins.ready import ready


@dataclass
class Part:
    name: str
    ready: bool


def test_ready_when_all_are():
    assert ready([Part("kubernetes", True), Part("forward", True)]) == (200, "OK")


def test_those_that_are_not_ready_are_named():
    parts = [Part("kubernetes", False), Part("forward", True), Part("hosts", False)]
    assert ready(parts) == (503, "kubernetes,hosts")
