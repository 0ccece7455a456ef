"""Tokens of ServiceAccounts: what is in them, and when they stop being worth anything."""

import asyncio
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane import pki
from controlplane.api.access.token_requests import answer_token_request, answer_token_review
from controlplane.api.access.tokens import Tokens
from controlplane.api.errors import StatusError

NOW = datetime.now(UTC)
ISSUER = "https://kubernetes.default.svc.cluster.local"
ACCOUNT = {"metadata": {"namespace": "a", "name": "bot", "uid": "u1"}}
POD = {
    "metadata": {"namespace": "a", "name": "p", "uid": "u2"},
    "spec": {"serviceAccountName": "bot"},
}


class Reader:
    def __init__(self):
        self.objects = {("serviceaccounts", "a", "bot"): ACCOUNT, ("pods", "a", "p"): POD}

    async def get(self, resource, name, namespace=None):
        try:
            return self.objects[resource, namespace, name]
        except KeyError:
            raise StatusError(404, "NotFound", "not there") from None


@pytest.fixture
def reader():
    return Reader()


@pytest.fixture
def tokens(reader, tmp_path):
    return Tokens(pki.ensure(tmp_path, ["localhost"]).token_key, ISSUER, reader)


async def requested(tokens, reader, now=NOW, **spec):
    return await answer_token_request({"spec": spec}, ACCOUNT, tokens, reader, now)


async def test_a_token_is_its_service_account(tokens, reader):
    answer = await requested(tokens, reader)
    user = await tokens.user(answer["status"]["token"])
    assert user.name == "system:serviceaccount:a:bot"
    assert user.groups[:2] == ("system:serviceaccounts", "system:serviceaccounts:a")
    assert answer["spec"]["audiences"] == [ISSUER]
    claims = jwt.decode(answer["status"]["token"], options={"verify_signature": False})
    assert claims["kubernetes.io"] == {
        "namespace": "a",
        "serviceaccount": {"name": "bot", "uid": "u1"},
    }
    key = jwt.PyJWK(tokens.key_set()["keys"][0])
    jwt.decode(answer["status"]["token"], key, algorithms=["ES256"], audience=ISSUER)


async def test_it_goes_with_what_it_is_bound_to(tokens, reader):
    bound = {"kind": "Pod", "apiVersion": "v1", "name": "p", "uid": "u2"}
    token = (await requested(tokens, reader, boundObjectRef=bound))["status"]["token"]
    user = await tokens.user(token)
    assert user.extra["authentication.kubernetes.io/pod-name"] == ("p",)
    reader.objects["pods", "a", "p"] = {**POD, "metadata": {**POD["metadata"], "uid": "other"}}
    assert await tokens.user(token) is None


async def test_it_goes_with_its_account(tokens, reader):
    token = (await requested(tokens, reader))["status"]["token"]
    del reader.objects["serviceaccounts", "a", "bot"]
    assert await tokens.user(token) is None


async def test_audience_and_time(tokens, reader):
    other = (await requested(tokens, reader, audiences=["vault"]))["status"]["token"]
    assert await tokens.user(other) is None
    assert (await tokens.user(other, ["vault"])).name.endswith(":bot")
    old = datetime.fromtimestamp(NOW.timestamp() - 7200, UTC)
    assert await tokens.user((await requested(tokens, reader, old))["status"]["token"]) is None


async def test_another_key_and_no_signature(tokens, reader, tmp_path):
    token = (await requested(tokens, reader))["status"]["token"]
    others = Tokens(pki.ensure(tmp_path / "2", ["localhost"]).token_key, ISSUER, reader)
    assert await others.user(token) is None
    claims = jwt.decode(token, options={"verify_signature": False})
    assert await tokens.user(jwt.encode(claims, None, algorithm="none")) is None
    assert await tokens.user(jwt.encode(claims, "x" * 64, algorithm="HS256")) is None


async def test_reviews(tokens, reader):
    token = (await requested(tokens, reader))["status"]["token"]
    status = (await answer_token_review({"spec": {"token": token}}, tokens))["status"]
    assert (status["authenticated"], status["user"]["username"]) == (
        True,
        "system:serviceaccount:a:bot",
    )
    status = (await answer_token_review({"spec": {"token": "x.y.z"}}, tokens))["status"]
    assert (status["authenticated"], status["error"]) == (False, "invalid bearer token")


@pytest.mark.parametrize(
    ("spec", "code", "message"),
    [
        ({"expirationSeconds": 599}, 422, "less than 10 minutes"),
        ({"expirationSeconds": 1 << 33}, 422, "larger than 2^32"),
        ({"boundObjectRef": {"kind": "Node", "name": "n"}}, 400, "cannot bind token to object"),
        ({"boundObjectRef": {"kind": "Pod", "name": "none"}}, 404, "not there"),
        ({"boundObjectRef": {"kind": "Pod", "name": "p", "uid": "x"}}, 409, "does not match"),
    ],
)
async def test_requests_that_are_refused(tokens, reader, spec, code, message):
    with pytest.raises(StatusError) as raised:
        await requested(tokens, reader, **spec)
    assert raised.value.code == code
    assert message in str(raised.value)


async def test_not_for_a_pod_of_another_account(tokens, reader):
    reader.objects["pods", "a", "p"] = {**POD, "spec": {"serviceAccountName": "else"}}
    with pytest.raises(StatusError, match="different serviceaccount name"):
        await requested(tokens, reader, boundObjectRef={"kind": "Pod", "name": "p"})


NONSENSE = st.text() | st.lists(st.text(max_size=9), min_size=3, max_size=3).map(".".join)


@given(NONSENSE | st.just("a." * 9000))
def test_nonsense_is_nobody(text):
    with tempfile.TemporaryDirectory() as folder:
        made = Tokens(pki.ensure(Path(folder), ["localhost"]).token_key, ISSUER, Reader())
        assert asyncio.run(made.user(text)) is None
