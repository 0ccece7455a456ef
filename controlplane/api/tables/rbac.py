"""The tables of roles and their bindings. Source: pkg/printers/internalversion/printers.go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from controlplane.api.tables.column import (
    Cell,
    Column,
    Object,
    Printer,
    age,
    columns,
    items,
    name,
    section,
)

if TYPE_CHECKING:
    from datetime import datetime


def _role(obj: Object, now: datetime) -> list[Cell]:
    return [name(obj), section(obj, "metadata").get("creationTimestamp")]


def _binding(obj: Object, now: datetime) -> list[Cell]:
    role = section(obj, "roleRef")
    subjects = [subject for subject in items(obj, "subjects") if isinstance(subject, dict)]

    def named(kind: str) -> list[str]:
        return [str(subject.get("name", "")) for subject in subjects if subject.get("kind") == kind]

    accounts = [
        f"{subject.get('namespace', '')}/{subject.get('name', '')}"
        for subject in subjects
        if subject.get("kind") == "ServiceAccount"
    ]
    return [
        name(obj),
        f"{role.get('kind', '')}/{role.get('name', '')}",
        age(obj, now),
        ", ".join(named("User")),
        ", ".join(named("Group")),
        ", ".join(accounts),
    ]


ROLE = Printer((Column("Name", format="name"), Column("Created At", "date")), _role)
BINDING = Printer(
    columns("Name", "Role", "Age", wide=("Users", "Groups", "ServiceAccounts")), _binding
)
