"""Hashes of templates."""

from controlplane.controllers.template_hash import template_hash


def test_the_hash_is_stable_and_tells_templates_apart():
    one = {"spec": {"a": 1, "b": 2}}
    assert template_hash(one) == template_hash({"spec": {"b": 2, "a": 1}})
    assert template_hash(one) != template_hash({"spec": {"a": 2, "b": 2}})
    assert template_hash(one) != template_hash(one, 1)
