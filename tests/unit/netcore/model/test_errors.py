from netcore.model.errors import first_error


def test_the_first_error_of_nested_groups():
    error = ValueError("x")
    group = ExceptionGroup("outer", [ExceptionGroup("inner", [error, OSError()]), OSError()])
    assert first_error(group) is error
