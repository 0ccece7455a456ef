"""`python -m nodeagent`: the warm process first, then everything that is heavy."""

import sys

from netcore.model.errors import ConfigError, KubehopError
from nodeagent.flags import parse_flags
from nodeagent.pods.runtime import ZygoteRuntime


def main() -> int:
    """Exit codes: 0 ended by SIGTERM or SIGINT, 1 could not go on, 2 bad flags."""
    try:
        flags = parse_flags(sys.argv[1:])
    except ConfigError as error:
        print(f"nodeagent: {error}", file=sys.stderr)
        return 2
    runtime = ZygoteRuntime.spawn()
    from nodeagent.main import run  # gRPC and netlink must not be in what pods are forked from

    try:
        run(flags, runtime)
    except KubehopError as error:
        print(f"nodeagent: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
