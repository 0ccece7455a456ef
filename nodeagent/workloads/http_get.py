"""`kubehop-http-get [--json] [--timeout S] URL`: one GET as a pod sees it.

Exit code 0 for 2xx and 3xx. Otherwise 1 and one line on stderr.
"""

import json
import sys
from collections.abc import Sequence

from nodeagent.workloads.flags import UsageError, parse_flags
from nodeagent.workloads.http_client import Fetched, GetError, get


def main(args: Sequence[str]) -> int:
    flags, rest = parse_flags(args, {"json": False, "timeout": "5"})
    if len(rest) != 1:
        raise UsageError("usage: kubehop-http-get [--json] [--timeout SECONDS] URL")
    try:
        timeout_s = float(str(flags["timeout"]))
    except ValueError:
        raise UsageError(f'timeout "{flags["timeout"]}" is not a number of seconds') from None
    if not 0 < timeout_s < 86400:
        raise UsageError("timeout must be above 0 and below 86400 seconds")
    try:
        fetched = get(rest[0], timeout_s)
    except GetError as error:
        print(error, file=sys.stderr)
        return 1
    if flags["json"]:
        print(json.dumps(as_json(fetched)))
    else:
        sys.stdout.buffer.write(fetched.body)
        sys.stdout.buffer.flush()
    if 200 <= fetched.status < 400:
        return 0
    print(f"HTTP {fetched.status} from {fetched.peer} for {fetched.url}", file=sys.stderr)
    return 1


def as_json(fetched: Fetched) -> dict[str, object]:
    return {
        "url": fetched.url,
        "host": fetched.host,
        "addresses": fetched.addresses,
        "peer": fetched.peer,
        "local": fetched.local,
        "status": fetched.status,
        "headers": fetched.headers,
        "body": fetched.body.decode(errors="replace"),
        "dnsMs": round(fetched.dns_ms, 3),
        "connectMs": round(fetched.connect_ms, 3),
        "totalMs": round(fetched.total_ms, 3),
    }
