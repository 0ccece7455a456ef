"""The SQLite file behind SqliteStore: schema, loading, commits. All SQL is here."""

from __future__ import annotations

import sqlite3
import uuid
from typing import TYPE_CHECKING

from controlplane.store.base import Event, Stored
from controlplane.store.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from controlplane.store.base import EventType
    from controlplane.store.index import Index

_FORMAT = "1"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS about (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS writes (
    revision INTEGER PRIMARY KEY,
    key TEXT NOT NULL,
    type TEXT NOT NULL,
    previous INTEGER,
    value BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS writes_by_key ON writes (key, revision);
"""
_COMPACT = """
DELETE FROM writes WHERE revision <= :limit
AND (type = 'DELETED' OR EXISTS (
    SELECT 1 FROM writes AS newer WHERE newer.key = writes.key AND newer.revision > writes.revision
))
AND revision NOT IN (
    SELECT previous FROM writes WHERE revision > :limit AND previous IS NOT NULL
)
"""


class Database:
    """One open file, held exclusively: a second control plane on it is refused."""

    def __init__(self, path: Path) -> None:
        """Opens or makes the file. Raises StoreError naming the file and the reason."""
        self.path = path
        try:
            self._connection = sqlite3.connect(
                path, isolation_level=None, check_same_thread=False, timeout=0.5
            )
        except sqlite3.Error as error:
            raise StoreError(f"cannot open the store {path}: {error}") from error
        try:
            self._prepare()
        except sqlite3.Error as error:
            self._connection.close()
            reason = "another control plane uses it" if "locked" in str(error) else str(error)
            raise StoreError(f"cannot open the store {path}: {reason}") from error
        except StoreError:
            self._connection.close()
            raise

    def _prepare(self) -> None:
        execute = self._connection.execute
        execute("PRAGMA locking_mode = EXCLUSIVE")
        execute("PRAGMA journal_mode = WAL")
        execute("PRAGMA synchronous = NORMAL")
        self._connection.executescript(_SCHEMA)
        made = self._about("format", _FORMAT)
        if made != _FORMAT:
            raise StoreError(f"cannot open the store {self.path}: format {made} is not known")
        self.epoch = self._about("epoch", str(uuid.uuid4()))
        self.compacted = int(self._about("compacted", "0"))

    def _about(self, name: str, default: str) -> str:
        self._connection.execute("INSERT OR IGNORE INTO about VALUES (?, ?)", (name, default))
        row = self._connection.execute("SELECT value FROM about WHERE name = ?", (name,)).fetchone()
        return str(row[0])

    def load(self, index: Index) -> None:
        """Restores objects and history. JSON is not parsed here: start-up stays short."""
        history = index.history
        history.compacted = self.compacted
        states: dict[int, Stored] = {}
        rows = self._connection.execute(
            "SELECT revision, key, type, previous, value FROM writes ORDER BY revision"
        )
        for revision, key, kind, previous, value in rows:
            stored = states[revision] = Stored(key, revision, encoded=value)
            if revision <= self.compacted:
                index.restore(kind == "DELETED", stored)
                continue
            event_type: EventType = kind
            index.apply(Event(event_type, stored, states.get(previous)))

    def commit(self, events: Sequence[Event], compact: int) -> None:
        """Writes events in one transaction, and drops history up to `compact` (0: none)."""
        rows = [
            (e.revision, e.key, e.type, e.before.revision if e.before else None, e.stored.encoded)
            for e in events
        ]
        execute = self._connection.execute
        execute("BEGIN IMMEDIATE")
        try:
            self._connection.executemany("INSERT INTO writes VALUES (?, ?, ?, ?, ?)", rows)
            if compact > self.compacted:
                self._compact(compact)
            execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:  # when the disk is full it was rolled back already
                execute("ROLLBACK")
            raise
        self.compacted = max(self.compacted, compact)

    def compact(self, limit: int) -> None:
        """Drops history up to and including `limit`; current objects stay."""
        self.commit((), limit)

    def _compact(self, limit: int) -> None:
        execute = self._connection.execute
        execute(_COMPACT, {"limit": limit})
        execute("UPDATE about SET value = ? WHERE name = 'compacted'", (str(limit),))

    def close(self) -> None:
        """Closes the file."""
        self._connection.close()
