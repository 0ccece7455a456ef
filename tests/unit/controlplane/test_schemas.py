"""Objects against the published schemas."""

import pytest

from controlplane.api.catalog import RESOURCES, REVIEW_GROUPS
from controlplane.api.errors import StatusError
from controlplane.api.schemas.conform import conform
from controlplane.api.schemas.definitions import definition_name
from controlplane.api.schemas.extract import TARGET, extract
from tests.unit.controlplane.support import deployment


def checked(obj, group="apps", kind="Deployment", **options):
    return conform(obj, group, "v1", kind, **options)


def with_spec(**spec):
    obj = deployment()
    obj["spec"] |= spec
    return obj


def with_container(**fields):
    obj = deployment()
    obj["spec"]["template"]["spec"]["containers"][0] |= fields
    return obj


def refusal(obj, code=400, **options):
    with pytest.raises(StatusError) as error:
        checked(obj, **options)
    assert error.value.code == code
    return str(error.value)


def test_the_data_is_current():
    assert TARGET.read_bytes() == extract()


@pytest.mark.parametrize("resource", list(RESOURCES), ids=lambda r: r.qualified)
def test_every_kind_has_a_schema(resource):
    assert definition_name(resource.group, resource.version, resource.kind)


def test_reviews_are_in_the_catalog():
    assert {r.group for r in RESOURCES if r.verbs == ("create",)} == set(REVIEW_GROUPS)


def test_nulls_and_unknown_fields_are_dropped():
    obj = with_spec(paused=None, nope=1)
    obj["metadata"]["creationTimestamp"] = None
    assert checked(obj) == deployment()
    assert "nope" in obj["spec"]


def test_warnings_name_the_paths():
    warnings = []
    checked(with_container(nope=1) | {"extra": {}}, field_validation="Warn", warnings=warnings)
    assert warnings == [
        'unknown field "spec.template.spec.containers[0].nope"',
        'unknown field "extra"',
    ]


def test_strict_refuses_them_all_at_once():
    message = refusal(with_spec(a=1, b=2), field_validation="Strict", duplicates=("spec.c",))
    assert message == (
        'Deployment in version "v1" cannot be handled as a Deployment: strict decoding error: '
        'unknown field "spec.a", unknown field "spec.b", duplicate field "spec.c"'
    )


@pytest.mark.parametrize(
    ("obj", "message"),
    [
        (with_spec(replicas="3"), "string into Go struct field DeploymentSpec.spec.replicas"),
        (with_spec(replicas=True), "bool into Go struct field DeploymentSpec.spec.replicas"),
        (with_spec(replicas=1.5), "number 1.5 into"),
        (with_spec(replicas=2**31), "number 2147483648 into"),
        (with_spec(paused="yes"), "DeploymentSpec.spec.paused of type bool"),
        (with_spec(selector=[]), "DeploymentSpec.spec.selector of type v1.LabelSelector"),
        (with_container(name=1), "Container.spec.template.spec.containers.name of type"),
        (with_container(ports={}), "containers.ports of type []v1.ContainerPort"),
        (with_container(resources={"limits": {"cpu": "many"}}), "quantities must match"),
        (deployment() | {"metadata": {"labels": {"a": 1}}}, "ObjectMeta.metadata.labels.a of type"),
        (deployment() | {"metadata": {"creationTimestamp": "now"}}, 'parsing time "now"'),
    ],
)
def test_wrong_types(obj, message):
    assert message in refusal(obj)


def test_whole_floats_are_integers_and_numbers_are_quantities():
    assert checked(with_spec(replicas=3.0))["spec"]["replicas"] == 3
    taken = checked(with_container(resources={"limits": {"cpu": 2}}))
    container = taken["spec"]["template"]["spec"]["containers"][0]
    assert container["resources"]["limits"]["cpu"] == "2"


def test_bytes_have_to_be_base64():
    secret = {"metadata": {"name": "s"}, "data": {"a": "***"}}
    with pytest.raises(StatusError, match="illegal base64 data"):
        checked(secret, group="", kind="Secret")


def test_missing_scalars_of_the_spec():
    message = refusal(with_container(ports=[{}]), code=422)
    assert message == (
        'Deployment.apps "web" is invalid: '
        "spec.template.spec.containers[0].ports[0].containerPort: Required value"
    )


def test_a_kind_without_schema_is_taken_as_it_is():
    assert conform({"x": 1}, "none.example", "v1", "Thing") == {"x": 1}
