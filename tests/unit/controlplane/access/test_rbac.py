"""Who may do what, by roles and bindings."""

import pytest

from controlplane.api.access.attributes import Attributes, forbidden, of_http
from controlplane.api.access.authorizer import AlwaysAllow, Rbac
from controlplane.api.access.grants import Grants
from controlplane.api.access.reviews import answer_review
from controlplane.api.access.rules import covers
from controlplane.api.access.user import ADMIN, ANONYMOUS, User, service_account
from controlplane.api.errors import StatusError

READER = {"apiGroups": [""], "resources": ["pods", "pods/log"], "verbs": ["get", "list"]}
JANE = User("jane", ("dev", "system:authenticated"))


class Objects:
    """An informer that a test fills."""

    def __init__(self, *objects):
        self.handlers = []
        self.objects = {}
        self.put(*objects)

    def put(self, *objects):
        for obj in objects:
            about = obj["metadata"]
            self.objects[about.get("namespace", ""), about["name"]] = obj
        for handler in self.handlers:
            handler(None, None)

    def get(self, namespace, name):
        return self.objects.get((namespace, name))

    def __iter__(self):
        return iter(self.objects.values())

    def subscribe(self, handler):
        self.handlers.append(handler)


def role(name, *rules, namespace=""):
    about = {"name": name, **({"namespace": namespace} if namespace else {})}
    return {"metadata": about, "rules": list(rules)}


def binding(name, kind, to, *subjects, namespace=""):
    about = {"name": name, **({"namespace": namespace} if namespace else {})}
    return {
        "metadata": about,
        "roleRef": {"kind": kind, "name": to},
        "subjects": [dict(zip(("kind", "name", "namespace"), each, strict=False))
                     for each in subjects],
    }  # fmt: skip


def rbac(roles=(), cluster_roles=(), bindings=(), cluster_bindings=()):
    return Rbac(Grants(*map(lambda found: Objects(*found),
                            (roles, cluster_roles, bindings, cluster_bindings))))  # fmt: skip


def may(authorizer, user, verb, resource, namespace="", **more):
    plural, _, sub = resource.partition("/")
    return authorizer.decide(user, Attributes(verb, "", plural, sub, namespace, **more))


@pytest.mark.parametrize(
    ("rule", "wanted", "covered"),
    [
        (READER, Attributes("get", "", "pods"), True),
        (READER, Attributes("get", "", "pods", "log"), True),
        (READER, Attributes("get", "", "pods", "exec"), False),
        (READER, Attributes("get", "apps", "pods"), False),
        (READER, Attributes("watch", "", "pods"), False),
        ({**READER, "resources": ["*"]}, Attributes("get", "", "nodes", "proxy"), True),
        ({**READER, "resources": ["*/scale"]}, Attributes("get", "", "things", "scale"), True),
        ({**READER, "resources": ["*/scale"]}, Attributes("get", "", "things"), False),
        ({**READER, "resourceNames": ["a"]}, Attributes("get", "", "pods", name="a"), True),
        ({**READER, "resourceNames": ["a"]}, Attributes("get", "", "pods", name="b"), False),
        ({**READER, "resourceNames": ["a"]}, Attributes("list", "", "pods"), False),
        (
            {"verbs": ["get"], "nonResourceURLs": ["/api/*"]},
            Attributes("get", path="/api/v1"),
            True,
        ),
        ({"verbs": ["get"], "nonResourceURLs": ["/api"]}, Attributes("get", path="/api/v1"), False),
        ({"verbs": ["*"], "nonResourceURLs": ["*"]}, Attributes("post", path="/x"), True),
        (READER, Attributes("get", path="/pods"), False),
        ({}, Attributes("get", "", "pods"), False),
    ],
)
def test_rules(rule, wanted, covered):
    assert covers(rule, wanted) is covered


def test_a_role_holds_in_its_namespace():
    authorizer = rbac(
        roles=[role("reader", READER, namespace="a")],
        bindings=[binding("b", "Role", "reader", ("User", "jane"), namespace="a")],
    )
    found = may(authorizer, JANE, "get", "pods", "a")
    assert found.reason == ('RBAC: allowed by RoleBinding "b/a" of Role "reader" to User "jane"')
    assert not may(authorizer, JANE, "get", "pods", "b").allowed
    assert not may(authorizer, JANE, "list", "pods").allowed
    assert not may(authorizer, User("joe"), "get", "pods", "a").allowed


def test_a_cluster_role_holds_where_it_is_bound():
    wide = role("reader", READER, {"verbs": ["get"], "nonResourceURLs": ["/metrics"]})
    near = binding("n", "ClusterRole", "reader", ("Group", "dev"), namespace="a")
    authorizer = rbac(cluster_roles=[wide], bindings=[near])
    assert may(authorizer, JANE, "list", "pods", "a").allowed
    assert not may(authorizer, JANE, "list", "pods").allowed
    assert not authorizer.decide(JANE, Attributes("get", path="/metrics")).allowed
    everywhere = binding("e", "ClusterRole", "reader", ("Group", "dev"))
    authorizer = rbac(cluster_roles=[wide], cluster_bindings=[everywhere])
    assert may(authorizer, JANE, "list", "pods").allowed
    assert authorizer.decide(JANE, Attributes("get", path="/metrics")).allowed


def test_service_accounts_are_subjects_of_their_own():
    subject = ("ServiceAccount", "bot", "a")
    authorizer = rbac(
        cluster_roles=[role("reader", READER)],
        cluster_bindings=[binding("b", "ClusterRole", "reader", subject)],
    )
    assert may(authorizer, service_account("a", "bot"), "get", "pods", "z").allowed
    assert not may(authorizer, service_account("b", "bot"), "get", "pods", "z").allowed
    assert not may(authorizer, User("bot"), "get", "pods", "z").allowed


def test_changes_hold_at_once():
    roles, bindings = Objects(), Objects()
    authorizer = Rbac(Grants(Objects(), roles, Objects(), bindings))
    assert not may(authorizer, JANE, "get", "pods").allowed
    bindings.put(binding("b", "ClusterRole", "reader", ("User", "jane")))
    assert not may(authorizer, JANE, "get", "pods").allowed  # the role is not there yet
    roles.put(role("reader", READER))
    assert may(authorizer, JANE, "get", "pods").allowed


def test_masters_need_no_role():
    assert may(rbac(), ADMIN, "delete", "nodes").allowed
    assert not may(rbac(), ANONYMOUS, "get", "nodes").allowed


@pytest.mark.parametrize(
    ("method", "path", "query", "wanted"),
    [
        ("GET", "/api/v1/pods", {}, Attributes("list", "", "pods")),
        ("GET", "/api/v1/pods", {"watch": "1"}, Attributes("watch", "", "pods")),
        ("GET", "/api/v1/pods", {"watch": "false"}, Attributes("list", "", "pods")),
        (
            "GET",
            "/api/v1/namespaces/a/pods",
            {"fieldSelector": "metadata.name=x,status.phase=Running"},
            Attributes("list", "", "pods", "", "a", "x"),
        ),
        (
            "POST",
            "/apis/apps/v1/namespaces/a/deployments",
            {},
            Attributes("create", "apps", "deployments", "", "a"),
        ),
        (
            "DELETE",
            "/api/v1/namespaces/a/pods",
            {},
            Attributes("deletecollection", "", "pods", "", "a"),
        ),
        (
            "POST",
            "/api/v1/namespaces/a/pods/x/exec",
            {},
            Attributes("create", "", "pods", "exec", "a", "x"),
        ),
        ("GET", "/api/v1/namespaces/a", {}, Attributes("get", "", "namespaces", "", "a", "a")),
        ("GET", "/version", {}, Attributes("get", path="/version")),
        ("GET", "/apis/apps/v1", {}, Attributes("get", path="/apis/apps/v1")),
    ],
)
def test_what_a_request_wants(method, path, query, wanted):
    assert of_http(method, path, query) == wanted


def test_refusals_in_the_servers_words():
    wanted = Attributes("list", "apps", "deployments", "", "a")
    assert str(forbidden(JANE, wanted)) == (
        'deployments.apps is forbidden: User "jane" cannot list resource "deployments" in API '
        'group "apps" in the namespace "a"'
    )
    wanted = Attributes("get", "", "nodes", "", "", "n1")
    assert str(forbidden(JANE, wanted)) == (
        'nodes "n1" is forbidden: User "jane" cannot get resource "nodes" in API group "" at the '
        "cluster scope"
    )
    assert str(forbidden(JANE, Attributes("get", path="/x"))) == (
        'forbidden: User "jane" cannot get path "/x"'
    )


def asked(kind, spec, user=JANE, authorizer=None, namespace=None):
    authorizer = authorizer or rbac(
        cluster_roles=[role("reader", READER)],
        cluster_bindings=[binding("b", "ClusterRole", "reader", ("User", "jane"))],
    )
    return answer_review(kind, {"spec": spec}, user, authorizer, namespace)["status"]


def test_reviews():
    pods = {"resourceAttributes": {"verb": "get", "resource": "pods", "namespace": "a"}}
    assert asked("SelfSubjectAccessReview", pods)["allowed"] is True
    assert asked("SelfSubjectAccessReview", pods, User("joe")) == {"allowed": False}
    assert asked("SubjectAccessReview", {**pods, "user": "jane"}, ADMIN)["allowed"] is True
    assert asked("SubjectAccessReview", {**pods, "groups": ["dev"]}, ADMIN)["allowed"] is False
    assert asked("LocalSubjectAccessReview", {**pods, "user": "jane"}, ADMIN, None, "a")["allowed"]
    path = {"nonResourceAttributes": {"verb": "get", "path": "/x"}}
    assert asked("SelfSubjectAccessReview", path)["allowed"] is False
    rules = asked("SelfSubjectRulesReview", {"namespace": "a"})
    assert rules == {"resourceRules": [READER], "nonResourceRules": [], "incomplete": False}
    everything = asked("SelfSubjectRulesReview", {"namespace": "a"}, JANE, AlwaysAllow())
    assert everything["nonResourceRules"] == [{"verbs": ["*"], "nonResourceURLs": ["*"]}]
    assert asked("SelfSubjectReview", {})["userInfo"]["username"] == "jane"


@pytest.mark.parametrize(
    ("kind", "spec", "namespace"),
    [
        ("SelfSubjectAccessReview", {}, None),
        ("SubjectAccessReview", {"resourceAttributes": {"verb": "get"}}, None),
        ("LocalSubjectAccessReview", {"resourceAttributes": {}, "user": "x"}, "a"),
        ("SelfSubjectRulesReview", {}, None),
    ],
)
def test_questions_that_make_no_sense(kind, spec, namespace):
    with pytest.raises(StatusError) as raised:
        asked(kind, spec, namespace=namespace)
    assert raised.value.code == 400
