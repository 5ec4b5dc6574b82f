"""The one way in which a patch reaches into ministack."""

import inspect
from collections.abc import Callable
from typing import Any

Function = Callable[..., Any]


def replace(owner: Any, name: str, around: Callable[[Function], Function], *, has: str) -> None:
    """Put `around(original)` in the place of `owner.name`.

    `has` is a piece of the original's source which the patch relies on.

    Raises:
        AssertionError: the name is gone, or its source is another one.
    """
    original = getattr(owner, name, None)
    if original is None or has not in inspect.getsource(original):
        message = f"{owner.__name__}.{name} is not the one this patch was written for ({has!r})"
        raise AssertionError(message)
    setattr(owner, name, around(original))
