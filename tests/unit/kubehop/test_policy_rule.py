"""The words of policy hops, read back."""

import pytest

from kubehop.tracing.policy_rule import PolicyRule, policy_rule


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("no policy", None),
        ("NetworkPolicy shop/db rule 0", PolicyRule("NetworkPolicy", ("shop/db",), "0")),
        ("NetworkPolicy a/b, a/c", PolicyRule("NetworkPolicy", ("a/b", "a/c"))),
        (
            "AdminNetworkPolicy rule rule a rule, and more",
            PolicyRule("AdminNetworkPolicy", ("rule",), "a rule, and more"),
        ),
    ],
)
def test_rules(text, found):
    assert policy_rule(text) == found
