"""`kubehop capture`: packets at every place of their way, as pcapng or as lines."""

from __future__ import annotations

import contextlib
import os
import sys
from collections import Counter
from typing import IO, TYPE_CHECKING, Any

import click

from kubehop.cli.options import cluster_name, credentials, kubeconfig_file, namespace
from netcore.capture.pcapng import MAX_SNAP_BYTES
from netcore.model.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kubehop.capturing.frames import Place
    from kubehop.capturing.output import Output
    from kubehop.capturing.target import Arguments

_STDOUT = "-"


@click.command("capture", context_settings={"ignore_unknown_options": False})
@click.argument("what", nargs=-1, metavar="[pod/X | node/Y | link A-B] [FILTER]")
@cluster_name
@kubeconfig_file
@namespace
@click.option("-w", "--write", metavar="FILE", help="Write pcapng; `-` is standard output.")
@click.option("-c", "--count", type=click.IntRange(1), metavar="N", help="End after N frames.")
@click.option(
    "-s",
    "--snapshot-length",
    "snap_bytes",
    type=click.IntRange(1, MAX_SNAP_BYTES),
    default=MAX_SNAP_BYTES,
    show_default=True,
    metavar="BYTES",
    help="Keep at most so much of each frame.",
)
@click.option(
    "--timeout",
    "timeout_s",
    type=click.FloatRange(0.1, 7 * 24 * 3600),
    metavar="SECONDS",
    help="End after so long.",
)
@click.option("-v", "--verbose", is_flag=True, help="Show why each packet went where it went.")
def command(
    what: tuple[str, ...],
    name: str,
    kubeconfig: Path | None,
    namespace: str,
    write: str | None,
    count: int | None,
    snap_bytes: int,
    timeout_s: float | None,
    verbose: bool,
) -> None:
    """Capture packets at a pod's eth0, at a node, on the link between two nodes, or everywhere.

    FILTER is a part of tcpdump's language, and looks into VXLAN, too: `host 10.244.1.2 and tcp
    port 80`. With -w every frame carries what became of its packet as a comment. Ctrl-C ends.
    """
    from kubehop.capturing.ending import ending_gracefully
    from kubehop.capturing.target import parse_arguments, target
    from kubehop.kubernetes.client import ApiClient

    arguments = parse_arguments(what)
    if write == _STDOUT and sys.stdout.isatty():
        raise ConfigError("-w - writes pcapng: pipe it, as in: kubehop capture -w - | tcpdump -r -")
    client = ApiClient(credentials(name, kubeconfig))
    body = target(client, namespace, arguments)
    body |= {"filter": arguments.filter, "snapLength": snap_bytes}
    if timeout_s is not None:
        body["timeoutSeconds"] = timeout_s
    with ending_gracefully(), _stream(write) as stream:
        _Capture(stream, arguments, snap_bytes, verbose=verbose).run(client, body, count)


class _Capture:
    """Takes the answer's lines apart. `stream` None: lines for people."""

    def __init__(
        self, stream: IO[bytes] | None, arguments: Arguments, snap_bytes: int, *, verbose: bool
    ) -> None:
        self._stream, self._arguments = stream, arguments
        self._snap_bytes, self._verbose = snap_bytes, verbose
        self._captured = 0
        self._dropped: Counter[Place] = Counter()
        self._output: Output | None = None

    def run(self, client: Any, body: dict[str, Any], count: int | None) -> None:
        from kubehop.kubernetes.paths import CAPTURES_PATH

        try:
            with contextlib.closing(client.stream(CAPTURES_PATH, body)) as lines:
                for line in lines:
                    self._take(line)
                    if count is not None and self._captured >= count:
                        break
        except KeyboardInterrupt:
            pass
        except BrokenPipeError:
            # Who read the pipe has had enough; Python must not try to flush it once more.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return
        finally:
            self._finish()

    def _take(self, line: dict[str, Any]) -> None:
        from kubehop.capturing.frames import Place, frame_of

        match line["type"]:
            case "started":
                self._output = self._open(line["vxlanPort"])
                nodes = ", ".join(line["nodes"])
                click.echo(f"capturing on {nodes}; Ctrl-C ends", err=True)
            case "frame" if self._output is not None:
                self._output.frame(frame_of(line))
                self._captured += 1
            case "dropped":
                self._dropped[Place(line["node"], line["place"])] += line["frames"]
            case "warning":
                click.echo(f"Warning: node {line['node']}: {line['message']}", err=True)

    def _open(self, vxlan_port: int) -> Output:
        from kubehop.capturing.output import LineOutput, PcapngOutput

        if self._stream is None:
            return LineOutput(click.echo, vxlan_port, verbose=self._verbose)
        return PcapngOutput(
            self._stream,
            snap_bytes=self._snap_bytes,
            capture_filter=self._arguments.filter,
            is_pipe=self._stream is sys.stdout.buffer,
        )

    def _finish(self) -> None:
        if self._output is None:
            return
        with contextlib.suppress(BrokenPipeError):
            self._output.finish(self._dropped)
        dropped = sum(self._dropped.values())
        click.echo(f"{self._captured} frames captured, {dropped} dropped", err=True)


@contextlib.contextmanager
def _stream(write: str | None) -> Iterator[IO[bytes] | None]:
    if write is None:
        yield None
    elif write == _STDOUT:
        yield sys.stdout.buffer
    else:
        try:
            stream = open(write, "wb")  # noqa: SIM115 - closed below; only opening is translated
        except OSError as error:
            raise ConfigError(f"-w {write}: {error.strerror}") from error
        with stream:
            yield stream
