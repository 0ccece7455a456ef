"""`pause`: waits for the end, and reaps what is left to it as process 1."""

import os
import signal
from collections.abc import Sequence


def main(_args: Sequence[str]) -> int:
    print("Paused", flush=True)
    wanted = {signal.SIGTERM, signal.SIGINT, signal.SIGCHLD}
    signal.pthread_sigmask(signal.SIG_BLOCK, wanted)
    while signal.sigwait(wanted) == signal.SIGCHLD:
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            pass
    return 0
