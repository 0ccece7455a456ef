import pytest

from kubehop.local import rights


def test_ipv6_is_needed_by_those_who_use_it(monkeypatch, tmp_path):
    monkeypatch.setattr(rights, "_IPV6", str(tmp_path / "ipv6"))

    rights.check_ipv6((4,))
    with pytest.raises(rights.MissingRights, match="has no IPv6"):
        rights.check_ipv6((4, 6))
    (tmp_path / "ipv6").mkdir()
    rights.check_ipv6((6,))
