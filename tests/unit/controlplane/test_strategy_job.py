"""Jobs through the real registry."""

import pytest

from controlplane.api.errors import StatusError
from controlplane.api.registry import WriteOptions
from controlplane.api.strategies.registry import strategies
from tests.unit.controlplane.support import job, make_client

JOBS = "jobs.batch"


async def create(obj):
    client = await make_client(strategies())
    return client, await client.create(JOBS, obj)


async def refusal(obj):
    with pytest.raises(StatusError) as caught:
        await create(obj)
    return caught.value.message


async def test_defaults():
    _, made = await create(job())
    spec, uid = made["spec"], made["metadata"]["uid"]
    assert {name: spec[name] for name in spec if name not in ("template", "selector")} == {
        "completions": 1,
        "parallelism": 1,
        "backoffLimit": 6,
        "completionMode": "NonIndexed",
        "suspend": False,
        "manualSelector": False,
        "podReplacementPolicy": "TerminatingOrFailed",
    }
    assert spec["selector"] == {"matchLabels": {"batch.kubernetes.io/controller-uid": uid}}
    assert spec["template"]["metadata"]["labels"] == {
        "batch.kubernetes.io/controller-uid": uid,
        "batch.kubernetes.io/job-name": "job",
        "controller-uid": uid,
        "job-name": "job",
    }


async def test_a_work_queue_has_no_completions():
    _, made = await create(job(parallelism=3))
    assert "completions" not in made["spec"]


async def test_limits_of_an_index_lift_the_common_one():
    _, made = await create(job(completionMode="Indexed", completions=1, backoffLimitPerIndex=1))
    assert made["spec"]["backoffLimit"] == 2**31 - 1


async def test_a_name_that_is_no_label_is_warned_of():
    client = await make_client(strategies())
    options = WriteOptions()
    resource = client.registry.resources.by_name(JOBS)
    await client.registry.create(resource, "default", job("a.b"), options)
    assert options.warnings[0].startswith("metadata.name: this is used in Pod names")


def codes(operator="In", values=(42,), action="FailJob", **more):
    rule = {"action": action, "onExitCodes": {"operator": operator, "values": list(values), **more}}
    return job(podFailurePolicy={"rules": [rule]})


def rules(*entries):
    return job(podFailurePolicy={"rules": list(entries)})


def indexed(**spec):
    return job(completionMode="Indexed", completions=3, **spec)


def success(*entries):
    return indexed(successPolicy={"rules": list(entries)})


@pytest.mark.parametrize(
    ("obj", "message"),
    [
        (job(completions=-1), "spec.completions: Invalid value: -1"),
        (job(completionMode="Odd"), 'spec.completionMode: Unsupported value: "Odd"'),
        (
            job(completionMode="Indexed", parallelism=1),
            "spec.completions: Required value: when completion mode is Indexed",
        ),
        (job(backoffLimitPerIndex=1), "requires indexed completion mode"),
        (indexed(maxFailedIndexes=1), "spec.backoffLimitPerIndex: Required value: when max"),
        (
            indexed(backoffLimitPerIndex=1, maxFailedIndexes=4),
            "spec.maxFailedIndexes: Invalid value: 4: must be less than or equal to completions",
        ),
        (indexed(parallelism=100_001), "must be less than or equal to 100000 when completion"),
        (
            job(podReplacementPolicy="Odd"),
            'Unsupported value: "Odd": supported values: "Failed", "TerminatingOrFailed"',
        ),
        (job("a" * 62, completionMode="Indexed", completions=11), "invalid DNS label"),
        (codes(operator="Odd"), 'operator: Unsupported value: "Odd"'),
        (codes(operator=""), 'operator: Required value: valid values: ["In" "NotIn"]'),
        (codes(values=()), "values: Invalid value: []: at least one value is required"),
        (codes(values=(0,)), "values[0]: Invalid value: 0: must not be 0 for the In operator"),
        (codes(values=(2, 1)), "must be ordered"),
        (codes(values=(1, 1)), "values[1]: Duplicate value: 1"),
        (codes(values=range(1, 258)), "Too many: 257: must have at most 255 items"),
        (codes(containerName="x"), "must be one of the container or initContainer names"),
        (codes(action="FailIndex"), "requires the backoffLimitPerIndex to be set"),
        (rules({"action": "Ignore"}), "specifying one of OnExitCodes and OnPodConditions is"),
        (
            rules({"action": "Ignore", "onPodConditions": [{"type": "A", "status": "Odd"}]}),
            'onPodConditions[0].status: Unsupported value: "Odd"',
        ),
        (job(successPolicy={"rules": []}), "spec.successPolicy: Invalid value"),
        (success({}), "at least one of succeededCount or succeededIndexes must be specified"),
        (
            success({"succeededIndexes": "9"}),
            'succeededIndexes: too large index: "9"',
        ),
        (success({"succeededCount": 4}), "must be less than or equal to 3 (the number of spec"),
        (
            success({"succeededIndexes": "1", "succeededCount": 2}),
            "must be less than or equal to 1 (the number of indexes in the specified",
        ),
        (success({"succeededCount": -1}), "succeededCount: Invalid value: -1"),
    ],
)
async def test_refusals(obj, message):
    assert message in await refusal(obj)


async def test_pods_have_to_end():
    obj = job()
    del obj["spec"]["template"]["spec"]["restartPolicy"]
    assert (
        'spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"'
    ) in await refusal(obj)
    obj = codes()
    obj["spec"]["template"]["spec"]["restartPolicy"] = "OnFailure"
    assert 'only "Never" is supported when podFailurePolicy is specified' in await refusal(obj)


async def test_a_selector_of_ones_own():
    obj = job(manualSelector=True, selector={"matchLabels": {"a": "b"}})
    assert "`selector` does not match template `labels`" in await refusal(obj)
    obj["spec"]["template"]["metadata"] = {"labels": {"a": "b"}}
    _, made = await create(obj)
    assert made["spec"]["selector"] == {"matchLabels": {"a": "b"}}
    obj = job(selector={"matchLabels": {"a": "b"}})
    assert "`selector` not auto-generated" in await refusal(obj)
    assert "spec.selector: Required value" in await refusal(job(manualSelector=True))


async def change(client, **spec):
    return await client.patch(JOBS, "job", lambda j: j["spec"].update(spec), "default")


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"completions": 2}, "spec.completions: Invalid value: 2: field is immutable"),
        ({"completionMode": "Indexed"}, "spec.completionMode: Invalid value"),
        ({"template": {"spec": {"containers": []}}}, "spec.template"),
    ],
)
async def test_most_of_it_is_fixed(spec, message):
    client, _ = await create(job())
    with pytest.raises(StatusError) as caught:
        await change(client, **spec)
    assert message in caught.value.message


async def test_an_indexed_job_can_be_resized_as_a_whole():
    client, _ = await create(indexed(parallelism=3))
    with pytest.raises(StatusError) as caught:
        await change(client, completions=4)
    assert "can only be modified in tandem with spec.parallelism" in caught.value.message
    made = await change(client, completions=4, parallelism=4)
    assert made["spec"]["completions"] == 4


async def test_a_suspended_job_that_never_started_may_be_placed_anew():
    client, _ = await create(job(suspend=True))

    def place(current):
        spec = current["spec"]["template"]["spec"]
        spec["nodeSelector"] = {"disk": "ssd"}
        spec["affinity"] = {"nodeAffinity": {}}

    made = await client.patch(JOBS, "job", place, "default")
    assert made["spec"]["template"]["spec"]["nodeSelector"] == {"disk": "ssd"}
    await change(client, suspend=False)

    def replace(current):
        current["spec"]["template"]["spec"]["nodeSelector"] = {}

    with pytest.raises(StatusError):
        await client.patch(JOBS, "job", replace, "default")
