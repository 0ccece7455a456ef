"""Tokens for the volumes of pods."""

import json

from controlplane.api.errors import StatusError
from controlplane.rpc.manifests import NodeManifests
from controlplane.rpc.pod_tokens import LIFETIME_S, PodTokens
from controlplane.store.base import Stored
from tests.unit.controlplane.objects import pod


class Issuer:
    def __init__(self):
        self.asked = []

    async def issue(self, account, audiences, seconds, pod):
        self.asked.append((account["metadata"]["name"], audiences, seconds))
        return f"token-{len(self.asked)}"


class Accounts:
    async def get(self, resource, name, namespace=None):
        if name != "bot":
            raise StatusError(404, "NotFound", "no such account")
        return {"metadata": {"name": name, "namespace": namespace}}


def with_tokens(account="bot"):
    made = pod()
    made["spec"]["serviceAccountName"] = account
    sources = [
        {"serviceAccountToken": {"path": "token"}},
        {"serviceAccountToken": {"path": "vault", "audience": "vault"}},
    ]
    made["spec"]["volumes"] = [{"name": "v", "projected": {"sources": sources}}]
    return made


def stored(made):
    return Stored("/registry/core/pods/default/p", 1, made)


async def test_one_for_each_place():
    issuer = Issuer()
    tokens = await PodTokens(issuer, Accounts()).issue(with_tokens())
    assert tokens == {"v/token": "token-1", "v/vault": "token-2"}
    assert issuer.asked == [("bot", [], LIFETIME_S), ("bot", ["vault"], LIFETIME_S)]


async def test_without_the_account_there_is_none():
    assert await PodTokens(Issuer(), Accounts()).issue(with_tokens("nobody")) == {}


async def nobody(key):
    return None


async def test_they_come_before_their_pod_once_and_go_with_it():
    state = NodeManifests("n1", nobody, PodTokens(Issuer(), Accounts()))
    made = with_tokens()
    first, second = await state.pod(stored(made), deleted=False)
    assert (first.object.kind, second.object.kind) == ("PodTokens", "Pod")
    assert json.loads(first.object.json) == {
        "uid": "uid-p",
        "tokens": {"v/token": "token-1", "v/vault": "token-2"},
    }
    assert len(await state.pod(stored(made), deleted=False)) == 1
    gone = await state.pod(stored(made), deleted=True)
    assert [(c.object.kind, c.deleted) for c in gone] == [("Pod", True), ("PodTokens", True)]


async def test_without_an_issuer_nothing_is_sent():
    state = NodeManifests("n1", nobody)
    assert len(await state.pod(stored(with_tokens()), deleted=False)) == 1
    assert len(await state.pod(stored(with_tokens()), deleted=True)) == 1
