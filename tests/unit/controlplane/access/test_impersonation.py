"""Acting as somebody else."""

import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from controlplane.api.access.authorizer import AlwaysAllow, Decision
from controlplane.api.access.impersonation import acting_user
from controlplane.api.access.user import ADMIN, User
from controlplane.api.errors import StatusError


class Asked(AlwaysAllow):
    """Allows all but what is denied, and remembers the questions."""

    def __init__(self, *denied):
        self.denied, self.wanted = denied, []

    def decide(self, user, wanted):
        self.wanted.append((wanted.full_resource, wanted.name))
        return Decision(wanted.resource not in self.denied)


def act(*headers, denied=()):
    asked = Asked(*denied)
    found = acting_user(ADMIN, CIMultiDictProxy(CIMultiDict(headers)), asked)
    return found, asked.wanted


def test_without_headers_one_is_oneself():
    assert act() == (ADMIN, [])


def test_a_user_with_groups_and_extras():
    found, wanted = act(
        ("Impersonate-User", "jane"),
        ("Impersonate-Group", "dev"),
        ("Impersonate-Uid", "7"),
        ("Impersonate-Extra-acme.com%2Fproject", "x"),
    )
    extra = {"acme.com/project": ("x",)}
    assert found == User("jane", ("dev", "system:authenticated"), "7", extra)
    assert wanted == [
        ("users", "jane"),
        ("groups", "dev"),
        ("uids", "7"),
        ("userextras/acme.com/project", "x"),
    ]


def test_a_service_account_has_its_groups():
    found, wanted = act(("Impersonate-User", "system:serviceaccount:a:bot"))
    assert "system:serviceaccounts:a" in found.groups
    assert wanted == [("serviceaccounts", "bot")]


def test_anonymous_is_not_authenticated():
    found, _ = act(("Impersonate-User", "system:anonymous"))
    assert found.groups == ("system:unauthenticated",)


@pytest.mark.parametrize("denied", ["users", "groups"])
def test_it_has_to_be_allowed(denied):
    with pytest.raises(StatusError) as raised:
        act(("Impersonate-User", "jane"), ("Impersonate-Group", "dev"), denied=(denied,))
    assert raised.value.code == 403
    assert f'cannot impersonate resource "{denied}"' in str(raised.value)


def test_a_group_alone_is_nobody():
    with pytest.raises(StatusError) as raised:
        act(("Impersonate-Group", "dev"))
    assert raised.value.code == 400


def test_there_is_a_bound():
    headers = [("Impersonate-Group", str(number)) for number in range(300)]
    with pytest.raises(StatusError):
        act(("Impersonate-User", "jane"), *headers)
