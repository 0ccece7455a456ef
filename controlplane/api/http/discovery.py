"""Discovery in both forms, derived from the resource table.

Sources: k8s.io/api/apidiscovery/v2 and metav1.APIGroupList, APIResourceList.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from controlplane.api import errors

if TYPE_CHECKING:
    from controlplane.api.resources import Resource, ResourceTable

Document = dict[str, Any]
AGGREGATED_TYPE = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


def aggregated(resources: ResourceTable, *, core: bool) -> Document:
    """APIGroupDiscoveryList v2: of the core group (`/api`) or of all the others (`/apis`)."""
    items = [
        {
            "metadata": {"name": group, "creationTimestamp": None} if group else {},
            "versions": [
                {
                    "version": version,
                    "resources": [
                        _discovered(r)
                        for r in resources
                        if (r.group, r.version) == (group, version)
                    ],
                    "freshness": "Current",
                }
                for version in versions
            ],
        }
        for group, versions in resources.groups().items()
        if bool(group) != core
    ]
    return {
        "kind": "APIGroupDiscoveryList",
        "apiVersion": "apidiscovery.k8s.io/v2",
        "metadata": {},
        "items": items,
    }


def _discovered(resource: Resource) -> Document:
    found: Document = {
        "resource": resource.plural,
        "responseKind": {
            "group": resource.group,
            "version": resource.version,
            "kind": resource.kind,
        },
        "scope": "Namespaced" if resource.namespaced else "Cluster",
        "singularResource": resource.singular,
        "verbs": list(resource.verbs),
    }
    if resource.short_names:
        found["shortNames"] = list(resource.short_names)
    if resource.categories:
        found["categories"] = list(resource.categories)
    if resource.subresources:
        found["subresources"] = [
            {
                "subresource": sub.name,
                "responseKind": {
                    "group": sub.group or resource.group,
                    "version": sub.version or resource.version,
                    "kind": sub.kind,
                },
                "verbs": list(sub.verbs),
            }
            for sub in resource.subresources
        ]
    return found


def api_versions(server_address: str) -> Document:
    """`/api`: the versions of the core group."""
    return {
        "kind": "APIVersions",
        "versions": ["v1"],
        "serverAddressByClientCIDRs": [
            {"clientCIDR": "0.0.0.0/0", "serverAddress": server_address}
        ],
    }


def group_list(resources: ResourceTable) -> Document:
    """`/apis`: all groups but the core one."""
    groups = [_group(name, versions) for name, versions in resources.groups().items() if name]
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}


def group(resources: ResourceTable, name: str) -> Document:
    """`/apis/apps`. Raises StatusError 404."""
    versions = resources.groups().get(name)
    if not versions:
        raise errors.no_such_path()
    return {"kind": "APIGroup", "apiVersion": "v1", **_group(name, versions)}


def _group(name: str, versions: list[str]) -> Document:
    shown = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
    return {"name": name, "versions": shown, "preferredVersion": shown[0]}


def resource_list(resources: ResourceTable, group: str, version: str) -> Document:
    """`/api/v1`, `/apis/apps/v1`: the resources and their subresources. Raises StatusError 404."""
    found = [r for r in resources if (r.group, r.version) == (group, version)]
    if not found:
        raise errors.no_such_path()
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": found[0].api_version,
        "resources": [entry for resource in found for entry in _listed(resource)],
    }


def _listed(resource: Resource) -> list[Document]:
    main: Document = {
        "name": resource.plural,
        "singularName": resource.singular,
        "namespaced": resource.namespaced,
        "kind": resource.kind,
        "verbs": list(resource.verbs),
    }
    if resource.short_names:
        main["shortNames"] = list(resource.short_names)
    if resource.categories:
        main["categories"] = list(resource.categories)
    entries = [main]
    for sub in resource.subresources:
        entry: Document = {
            "name": f"{resource.plural}/{sub.name}",
            "singularName": "",
            "namespaced": resource.namespaced,
            "kind": sub.kind,
            "verbs": list(sub.verbs),
        }
        if sub.version:
            entry |= {"group": sub.group, "version": sub.version}
        entries.append(entry)
    return entries
