"""ConntrackTable against a list that is searched from end to end."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from netcore.conntrack.entry import ConntrackEntry
from netcore.conntrack.table import ConntrackTable
from netcore.conntrack.timeouts import FlowState, initial_state, next_state
from netcore.conntrack.tuple import FlowTuple

MAX_ENTRIES = 5
TUPLES = st.builds(
    FlowTuple,
    st.sampled_from((1, 6, 17)),
    st.sampled_from((b"\1\1\1\1", b"\2\2\2\2")),
    st.integers(1, 2),
    st.sampled_from((b"\1\1\1\1", b"\2\2\2\2")),
    st.integers(1, 2),
)
FLAGS = st.integers(0, 0x3F)


class Naive:
    """The same contract without an index or a wheel."""

    def __init__(self) -> None:
        self.flows: list[tuple[ConntrackEntry, FlowState, float]] = []

    def lookup(self, flow: FlowTuple) -> tuple[ConntrackEntry, bool] | None:
        for entry, _, _ in self.flows:
            if entry.original == flow:
                return entry, False
            if entry.reply == flow:
                return entry, True
        return None


class Tables(RuleBasedStateMachine):
    entries = Bundle("entries")

    def __init__(self) -> None:
        super().__init__()
        self.table = ConntrackTable(MAX_ENTRIES)
        self.naive = Naive()
        self.now = 1000.0

    @rule(target=entries, original=TUPLES, reply=TUPLES, flags=FLAGS)
    def insert(self, original: FlowTuple, reply: FlowTuple, flags: int) -> ConntrackEntry:
        reply = reply._replace(protocol=original.protocol)
        entry = ConntrackEntry(original, reply, initial_state(original.protocol, flags))
        free = not self.naive.lookup(original) and not self.naive.lookup(reply)
        expected = free and not self.table.is_full
        assert self.table.insert(entry, self.now) is expected
        if expected:
            if len(self.naive.flows) == MAX_ENTRIES:
                self._one_gave_way()
            self.naive.flows.append((entry, entry.state, self.now + entry.state.timeout_s))
        return entry

    def _one_gave_way(self) -> None:
        gone = [each for each in self.naive.flows if each[0].expires_at == 0.0]
        assert [each[1].is_assured for each in gone] == [False]
        self.naive.flows.remove(gone[0])

    @rule(entry=entries, flags=FLAGS, is_reply=st.booleans())
    def refresh(self, entry: ConntrackEntry, flags: int, is_reply: bool) -> None:
        for index, (known, state, _) in enumerate(self.naive.flows):
            if known is entry:
                self.table.refresh(entry, self.now, flags, is_reply=is_reply)
                after = next_state(state, entry.original.protocol, flags, is_reply=is_reply)
                self.naive.flows[index] = (entry, after, self.now + after.timeout_s)

    @rule(entry=entries)
    def remove(self, entry: ConntrackEntry) -> None:
        self.table.remove(entry)
        self.naive.flows = [each for each in self.naive.flows if each[0] is not entry]

    @rule(seconds=st.sampled_from((0.25, 1.0, 1.0, 7.5, 30.0, 121.0, 500_000.0)))
    def pass_time(self, seconds: float) -> None:
        """Sweeps come late now and then; each sees to everything that is over by its second."""
        self.now += seconds
        self.table.expire(self.now)
        self.naive.flows = [
            each for each in self.naive.flows if not self._is_certainly_over(each[2])
        ]
        for entry, _, expires_at in list(self.naive.flows):
            if self.table.lookup(entry.original) is None:
                assert expires_at <= self.now, "forgotten too early"
                self.naive.flows = [each for each in self.naive.flows if each[0] is not entry]

    def _is_certainly_over(self, expires_at: float) -> bool:
        return int(expires_at) + 1 <= int(self.now)

    @invariant()
    def same_flows(self) -> None:
        assert len(self.table) == len(self.naive.flows)
        assert {id(entry) for entry in self.table} == {id(each[0]) for each in self.naive.flows}
        all_assured = all(state.is_assured for _, state, _ in self.naive.flows)
        assert self.table.is_full is (len(self.naive.flows) >= MAX_ENTRIES and all_assured)

    @invariant()
    def same_answers(self) -> None:
        for entry, state, expires_at in self.naive.flows:
            assert (entry.state, entry.expires_at) == (state, expires_at)
            assert self.table.lookup(entry.original) == (entry, False)
            assert self.table.lookup(entry.reply) == self.naive.lookup(entry.reply)


TestTables = Tables.TestCase
TestTables.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
