"""The running captures of a node."""

from collections.abc import Callable, Mapping

from netcore.pipeline.verdict import Drop
from nodeagent.datapath.sightings import UNDERLAY, CapturedFrame, CaptureFilter
from nodeagent.datapath.userspace.engine import Engine
from nodeagent.datapath.userspace.link import CaptureLink
from nodeagent.datapath.userspace.loop import PacketLoop
from nodeagent.datapath.userspace.recording import Recorder, RecordingSocket, Sink
from nodeagent.datapath.userspace.tunnel import Tunnel
from nodeagent.edges.underlay import UnderlayLink
from nodeagent.edges.vxlan_socket import VxlanSocket


class Captures:
    """Puts a Recorder into the packet path with the first capture, takes it out after the last."""

    def __init__(
        self,
        loop: PacketLoop,
        engine: Engine,
        tunnel: Tunnel,
        socket: VxlanSocket,
        places: Mapping[int, str],
        read_link: Callable[[], UnderlayLink],
    ) -> None:
        """`places`: see Recorder. `read_link` may raise DatapathError."""
        self._loop = loop
        self._engine = engine
        self._tunnel = tunnel
        self._socket = socket
        self._read_link = read_link
        self._recorder = Recorder(places, socket.port)

    def begin(
        self, wanted: CaptureFilter, report: Callable[[CapturedFrame], None]
    ) -> "RunningCapture":
        """Raises DatapathError when the underlay cannot be read."""
        link = CaptureLink(self._read_link)
        sink = Sink(wanted, report)
        self._loop.call(lambda: self._add(sink, link))
        return RunningCapture(self, sink)

    def end(self, sink: Sink) -> None:
        self._loop.call(lambda: self._remove(sink))

    def refused_datagram(self, verdict: Drop) -> None:
        """In the datapath's thread: what the tunnel received is not for it."""
        if self._recorder.sinks:
            self._recorder.refused_datagram(verdict)

    def _add(self, sink: Sink, link: CaptureLink) -> None:
        recorder = self._recorder
        if not recorder.sinks:
            self._engine.watch(recorder)
            self._engine.record(recorder)
        recorder.sinks.append(sink)
        self._listen(link)

    def _listen(self, link: CaptureLink) -> None:
        """To the tunnel only if somebody wants to see it: its datagrams are many."""
        if self._recorder.wants(UNDERLAY):
            self._tunnel.use(RecordingSocket(self._socket, link, self._recorder))

    def _remove(self, sink: Sink) -> None:
        recorder = self._recorder
        if sink not in recorder.sinks:
            return
        recorder.sinks.remove(sink)
        if not recorder.wants(UNDERLAY):
            self._tunnel.use(self._socket)
        if not recorder.sinks:
            self._engine.record(None)
            self._engine.unwatch(recorder)


class RunningCapture:
    def __init__(self, captures: Captures, sink: Sink) -> None:
        self._captures, self._sink = captures, sink

    def close(self) -> None:
        self._captures.end(self._sink)
