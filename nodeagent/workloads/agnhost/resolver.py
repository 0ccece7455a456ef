"""`dns-suffix`, `dns-server-list`, `etc-hosts`: what the pod's resolver files say."""

import sys
from collections.abc import Sequence


def fields_of(resolv_conf: str, keyword: str) -> list[list[str]]:
    """The values of every line that starts with `keyword`."""
    lines = (line.split() for line in resolv_conf.splitlines())
    return [words[1:] for words in lines if words and words[0] == keyword]


def suffix_main(_args: Sequence[str]) -> int:
    found = fields_of(_read("/etc/resolv.conf"), "search")
    sys.stdout.write(",".join(found[-1] if found else []))
    return 0


def server_list_main(_args: Sequence[str]) -> int:
    found = fields_of(_read("/etc/resolv.conf"), "nameserver")
    sys.stdout.write(",".join(words[0] for words in found if words))
    return 0


def etc_hosts_main(_args: Sequence[str]) -> int:
    sys.stdout.write(_read("/etc/hosts"))
    return 0


def _read(path: str) -> str:
    with open(path) as stream:
        return stream.read()
