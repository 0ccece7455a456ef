"""Slices and Endpoints as the controllers keep them, in a control plane at work."""

from tests.unit.controlplane.running import cluster
from tests.unit.controlplane.test_cluster import web

SLICES = "endpointslices.discovery.k8s.io"
CHANGED = "endpoints.kubernetes.io/last-change-trigger-time"
ZONE = "topology.kubernetes.io/zone"


def of(service, found):
    return [s for s in found if s["metadata"]["labels"]["kubernetes.io/service-name"] == service]


async def web_slice(made, accept):
    """The slice of Service web, once it is as it should be."""
    found = await made.eventually(
        SLICES, lambda slices: len(of("web", slices)) == 1 and accept(of("web", slices)[0])
    )
    return of("web", found)[0]


def hints(slice_):
    return [endpoint.get("hints") for endpoint in slice_["endpoints"]]


async def test_what_a_slice_says_of_itself():
    async with cluster() as made:
        await web(made, agents=1)
        service = await made.get("services", "web")
        slice_ = await web_slice(made, lambda s: len(s["endpoints"]) == 2)
        about = slice_["metadata"]
        assert about["generateName"] == "web-"
        assert about["labels"] == {
            "kubernetes.io/service-name": "web",
            "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
        }
        assert about["annotations"][CHANGED].endswith("Z")
        (owner,) = about["ownerReferences"]
        assert (owner["kind"], owner["uid"]) == ("Service", service["metadata"]["uid"])
        assert owner["controller"]
        endpoints = await made.get("endpoints", "web")
        assert endpoints["metadata"]["annotations"][CHANGED].endswith("Z")
        assert "ownerReferences" not in endpoints["metadata"]


async def test_labels_of_the_service_are_those_of_its_slices():
    async with cluster() as made:
        await web(made, agents=1)
        labels = {"team": "a", "kubernetes.io/service-name": "liar"}
        await made.client.patch(
            "services", "web", lambda s: s["metadata"].update(labels=labels), "default"
        )
        slice_ = await web_slice(made, lambda s: "team" in s["metadata"]["labels"])
        assert slice_["metadata"]["labels"] == {
            "team": "a",
            "kubernetes.io/service-name": "web",
            "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
        }


async def test_hints_follow_the_service_and_the_node():
    async with cluster() as made:
        (agent,) = await web(made, agents=1)
        await web_slice(made, lambda s: hints(s) == [None, None])

        async def distribute(value):
            await made.client.patch(
                "services", "web", lambda s: s["spec"].update(trafficDistribution=value), "default"
            )

        async def label(zone):
            await made.client.patch(
                "nodes", agent.name, lambda n: n["metadata"]["labels"].update({ZONE: zone})
            )

        await distribute("PreferSameNode")
        for_node = {"forNodes": [{"name": agent.name}]}
        await web_slice(made, lambda s: hints(s) == [for_node] * 2)
        for zone in ("a", "b"):
            await label(zone)
            in_zone = {"forZones": [{"name": zone}], **for_node}
            await web_slice(made, lambda s, wanted=in_zone: hints(s) == [wanted] * 2)
        await distribute("PreferClose")
        await web_slice(made, lambda s: hints(s) == [{"forZones": [{"name": "b"}]}] * 2)
        await distribute(None)
        slice_ = await web_slice(made, lambda s: hints(s) == [None, None])
        assert [e["zone"] for e in slice_["endpoints"]] == ["b", "b"]


async def test_a_namesake_does_not_inherit_slices():
    """Else they would go with their former owner and leave the Service without any."""
    async with cluster() as made:
        await web(made, agents=1)
        before = await web_slice(made, lambda s: len(s["endpoints"]) == 2)
        spec = (await made.get("services", "web"))["spec"]
        await made.client.delete("services", "web", "default")
        fresh = await made.create(
            "services",
            {
                "metadata": {"name": "web", "namespace": "default"},
                "spec": {"selector": spec["selector"], "ports": spec["ports"]},
            },
        )
        after = await web_slice(
            made, lambda s: s["metadata"]["ownerReferences"][0]["uid"] == fresh["metadata"]["uid"]
        )
        assert after["metadata"]["uid"] != before["metadata"]["uid"]
        assert len(after["endpoints"]) == 2


async def test_mirrored_slices_are_those_of_their_endpoints():
    async with cluster() as made:
        port = {"name": "pg", "port": 5432}
        about = {"name": "db", "namespace": "default"}
        await made.create(
            "services",
            {"metadata": {**about, "labels": {"of": "service"}}, "spec": {"ports": [port]}},
        )
        endpoints = await made.create(
            "endpoints",
            {
                "metadata": {
                    **about,
                    "labels": {"of": "endpoints"},
                    "annotations": {
                        "note": "x",
                        CHANGED: "2030-01-01T00:00:00Z",
                        "kubectl.kubernetes.io/last-applied-configuration": "{}",
                    },
                },
                "subsets": [{"addresses": [{"ip": "192.0.2.7", "hostname": "h"}], "ports": [port]}],
            },
        )
        found = await made.eventually(SLICES, lambda slices: of("db", slices))
        (mirrored,) = of("db", found)
        assert mirrored["metadata"]["labels"] == {
            "of": "endpoints",
            "kubernetes.io/service-name": "db",
            "endpointslice.kubernetes.io/managed-by": "endpointslicemirroring-controller.k8s.io",
        }
        assert mirrored["metadata"]["annotations"] == {"note": "x"}
        (owner,) = mirrored["metadata"]["ownerReferences"]
        assert (owner["kind"], owner["uid"]) == ("Endpoints", endpoints["metadata"]["uid"])
        assert mirrored["endpoints"] == [
            {"addresses": ["192.0.2.7"], "conditions": {"ready": True}, "hostname": "h"}
        ]
        assert mirrored["ports"] == [{"name": "pg", "port": 5432, "protocol": "TCP"}]


async def test_a_label_keeps_endpoints_from_being_mirrored():
    async with cluster() as made:
        about = {"name": "db", "namespace": "default"}
        await made.create("services", {"metadata": about, "spec": {"ports": [{"port": 1}]}})
        await made.create("endpoints", {"metadata": about, "subsets": [
            {"addresses": [{"ip": "192.0.2.7"}], "ports": [{"port": 1}]}]})  # fmt: skip
        await made.eventually(SLICES, lambda slices: of("db", slices))
        skip = {"endpointslice.kubernetes.io/skip-mirror": "true"}
        await made.client.patch(
            "endpoints", "db", lambda e: e["metadata"].update(labels=skip), "default"
        )
        await made.eventually(SLICES, lambda slices: not of("db", slices))
