"""What a store refuses, and why. The API turns these into `Status` objects."""

from netcore.model.errors import KubehopError


class StoreError(KubehopError):
    """A store could not do what was asked for."""


class AlreadyExists(StoreError):
    """`create` found the key taken."""


class NotFound(StoreError):
    """The key holds nothing."""


class Conflict(StoreError):
    """The key holds another revision than the one the caller expects."""

    def __init__(self, key: str, expected: int, actual: int) -> None:
        super().__init__(f"{key}: expected revision {expected}, found {actual}")
        self.key = key
        self.expected = expected
        self.actual = actual


class Expired(StoreError):
    """The revision is older than the history that the store still keeps (HTTP 410)."""

    def __init__(self, revision: int, oldest: int) -> None:
        super().__init__(f"too old resource version: {revision} ({oldest})")
        self.revision = revision
        self.oldest = oldest


class FutureRevision(StoreError):
    """The revision has not happened yet in this store."""

    def __init__(self, revision: int, current: int) -> None:
        super().__init__(f"Too large resource version: {revision}, current: {current}")
        self.revision = revision
        self.current = current
