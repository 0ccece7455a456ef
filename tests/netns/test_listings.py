"""The dumps of the proxy modes, read by the real tools in a network namespace of their own."""

import re
import subprocess

import pytest

from tests.support.listings import zoo_listings


def inside(script: str, text: str) -> str:
    """What a shell script prints in a fresh network namespace, with `text` at standard input."""
    done = subprocess.run(
        ["unshare", "--net", "sh", "-ec", script],
        input=text,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("prefix", ["ip", "ip6"])
def test_iptables_restore_accepts_it_and_iptables_save_gives_it_back(prefix):
    text = zoo_listings("iptables")[f"{prefix}tables-save"]
    inside(f"{prefix}tables-restore --test", text)
    saved = inside(f"{prefix}tables-restore; {prefix}tables-save", text)
    assert [line for line in saved.splitlines() if not line.startswith("#")] == text.splitlines()


@pytest.mark.parametrize("family", ["ip", "ip6"])
def test_nft_accepts_it_and_lists_the_same_rules_and_elements(family):
    command = f"nft list table {family} kube-proxy"
    text = zoo_listings("nftables")[command]
    inside("nft -c -f /dev/stdin", text)
    listed = inside(f"nft -f /dev/stdin; {command}", text)
    assert _chains(listed) == _chains(text)
    assert _elements(listed) == _elements(text)


def _chains(text: str) -> dict[str, list[str]]:
    blocks = re.findall(r"^\tchain (\S+) {\n(.*?)^\t}", text, re.M | re.S)
    return {name: [line.strip() for line in body.splitlines()] for name, body in blocks}


def _elements(text: str) -> dict[str, set[str]]:
    """The elements of each set and map, in whatever order the kernel keeps them."""
    found = re.findall(r"^\t(?:set|map) (\S+) {\n(.*?)^\t}", text, re.M | re.S)
    return {
        name: {" ".join(part.split()) for part in re.split(r",\s", inner)}
        for name, body in found
        for inner in re.findall(r"elements = { (.*) }", body, re.S)
    }
