"""Tokens for the volumes of pods."""

import json
from datetime import UTC, datetime

import jwt
import pytest

from controlplane import pki
from controlplane.api.access.tokens import Tokens
from controlplane.api.errors import StatusError
from controlplane.rpc.manifests import NodeManifests
from controlplane.rpc.pod_tokens import LIFETIME_S, PodTokens
from controlplane.store.base import Stored
from tests.unit.controlplane.objects import pod

ISSUER = "https://kubernetes.default.svc.cluster.local"
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


class Accounts:
    async def get(self, resource, name, namespace=None):
        if name != "bot":
            raise StatusError(404, "NotFound", "no such account")
        return {"metadata": {"name": name, "namespace": namespace, "uid": f"uid-{name}"}}


@pytest.fixture
def tokens(tmp_path):
    """Of an API server with one ServiceAccount and one pod."""
    key = pki.ensure(tmp_path, ["localhost"]).token_key
    return PodTokens(Tokens(key, ISSUER, Accounts()), Accounts(), lambda: NOW)


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


async def test_one_for_each_place(tokens, tmp_path):
    made = await tokens.issue(with_tokens())
    assert set(made) == {"v/token", "v/vault"}
    claims = {
        path: jwt.decode(token, options={"verify_signature": False, "verify_aud": False})
        for path, token in made.items()
    }
    assert claims["v/token"]["aud"] == [ISSUER]
    assert claims["v/vault"]["aud"] == ["vault"]
    for claim in claims.values():
        assert claim["sub"] == "system:serviceaccount:default:bot"
        assert claim["exp"] == int(NOW.timestamp()) + LIFETIME_S
        assert claim["kubernetes.io"]["pod"] == {"name": "p", "uid": "uid-p"}


async def test_without_the_account_there_is_none(tokens):
    assert await tokens.issue(with_tokens("nobody")) == {}


async def nobody(key):
    return None


async def test_they_come_before_their_pod_once_and_go_with_it(tokens):
    state = NodeManifests("n1", nobody, tokens)
    made = with_tokens()
    first, second = await state.pod(stored(made), deleted=False)
    assert (first.object.kind, second.object.kind) == ("PodTokens", "Pod")
    sent = json.loads(first.object.json)
    assert sent["uid"] == "uid-p"
    assert set(sent["tokens"]) == {"v/token", "v/vault"}
    assert len(await state.pod(stored(made), deleted=False)) == 1
    gone = await state.pod(stored(made), deleted=True)
    assert [(c.object.kind, c.deleted) for c in gone] == [("Pod", True), ("PodTokens", True)]


async def test_without_tokens_nothing_is_sent():
    state = NodeManifests("n1", nobody)
    assert len(await state.pod(stored(with_tokens()), deleted=False)) == 1
    assert len(await state.pod(stored(with_tokens()), deleted=True)) == 1
