"""Errors of tasks that ran side by side."""


def first_error(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The first error that is no group itself; TaskGroups nest."""
    error = group.exceptions[0]
    return first_error(error) if isinstance(error, BaseExceptionGroup) else error
