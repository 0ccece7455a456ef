from netcore.service.maglev import TABLE_SIZE, maglev_entry, maglev_table

NAMES = [bytes([10, 244, 0, number, 31, 144]) for number in range(1, 8)]


def test_the_size_is_a_prime_as_cilium_has_it():
    assert TABLE_SIZE == 16_381
    assert all(TABLE_SIZE % divisor for divisor in range(2, 128))


def test_a_small_table_by_hand_of_the_paper():
    """Every backend is asked in turn, so shares differ by one entry at most."""
    table = maglev_table(NAMES[:3], 7)
    assert sorted(table.count(at) for at in range(3)) == [2, 2, 3]


def test_a_single_backend_has_it_all():
    assert set(maglev_table(NAMES[:1], 251)) == {0}


def test_the_order_of_the_names_does_not_matter():
    forwards = [NAMES[at] for at in maglev_table(NAMES, 251)]
    turned = NAMES[::-1]
    assert [turned[at] for at in maglev_table(turned, 251)] == forwards


def test_the_same_names_give_the_same_table_for_ever():
    """Two nodes that never talked send a flow to one backend."""
    assert list(maglev_table(NAMES[:3], 13)) == [1, 0, 1, 2, 0, 1, 0, 2, 1, 0, 2, 2, 0]


def test_entries_are_within_the_table_and_spread():
    entries = {maglev_entry(number.to_bytes(4, "big"), 13) for number in range(200)}
    assert entries == set(range(13))
