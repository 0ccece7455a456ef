"""Run inside a pod, by file: the milliseconds from a DNS name to the whole answer.

Uses the standard library alone, as a pod has nothing else; starting Python is not counted.
"""

import http.client
import sys
import time


def main() -> None:
    began = time.perf_counter()
    connection = http.client.HTTPConnection(sys.argv[1], timeout=10)
    connection.request("GET", "/")
    connection.getresponse().read()
    print((time.perf_counter() - began) * 1000)


if __name__ == "__main__":
    main()
