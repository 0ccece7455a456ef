"""BalancingTable: bounded whatever happens, and never another's backend."""

from hypothesis import given
from hypothesis import strategies as st

from netcore.service.balancing import BalancingTable, NextTurn, Stick

SCOPES = [(bytes((10, 96, 0, number)), 6, 80) for number in range(3)]
CLIENTS = st.integers(0, 30).map(lambda n: bytes((10, 244, 0, n)))
UPDATES = st.one_of(
    st.builds(NextTurn, st.sampled_from(SCOPES), st.integers(0, 99)),
    st.builds(
        Stick,
        st.sampled_from(SCOPES),
        CLIENTS,
        st.integers(1, 5).map(lambda n: (bytes((10, 244, 1, n)), 8080)),
        st.integers(1, 86400),
    ),
)
STEPS = st.lists(
    st.one_of(
        st.lists(UPDATES, max_size=8),
        st.floats(0.0, 5000.0),  # time that passes
        st.sampled_from(SCOPES),  # one that is gone
    ),
    max_size=40,
)
MAX_CLIENTS = 7


@given(STEPS)
def test_it_is_bounded_and_says_only_what_it_was_told(steps):
    table, now_s = BalancingTable(MAX_CLIENTS), 0.0
    told = {}
    for step in steps:
        if isinstance(step, float):
            now_s += step
            table.expire(now_s)
        elif isinstance(step, tuple):
            table.forget(step.__eq__)
            told = {key: value for key, value in told.items() if key[0] != step}
            assert table.turn(step) == 0
        else:
            table.commit(step, now_s)
            told |= {
                (each.scope, each.client): (each.backend, now_s + each.timeout_s)
                for each in step
                if isinstance(each, Stick)
            }
        known = 0
        for (scope, client), (backend, until) in told.items():
            found = table.sticks_to(scope, client, now_s)
            assert found in (None, backend)
            assert found is None or now_s < until
            known += found is not None
        assert known <= MAX_CLIENTS
        assert len(table._clients) <= MAX_CLIENTS
        assert len(table._turns) <= len(SCOPES)


@given(st.lists(UPDATES, min_size=1, max_size=30))
def test_the_last_to_come_is_always_known(updates):
    table = BalancingTable(MAX_CLIENTS)
    for update in updates:
        table.commit([update], 0.0)
        match update:
            case Stick(scope, client, backend, _):
                assert table.sticks_to(scope, client, 0.5) == backend
            case NextTurn(scope, turn):
                assert table.turn(scope) == turn
