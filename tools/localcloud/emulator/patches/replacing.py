"""The ways in which a patch reaches into ministack."""

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
    setattr(owner, name, around(rely_on(owner, name, has=has)))


def rely_on(owner: Any, name: str, *, has: str) -> Any:
    """Return `owner.name`, whose source has this piece, for a patch that replaces what it uses.

    Raises:
        AssertionError: the name is gone, or its source is another one.
    """
    original = getattr(owner, name, None)
    if original is None or has not in inspect.getsource(original):
        message = f"{owner.__name__}.{name} is not the one this patch was written for ({has!r})"
        raise AssertionError(message)
    return original


class Instead:
    """A module, but for some of its names: what a module of ministack shall take for it."""

    def __init__(self, module: Any, **names: Any) -> None:
        """Have `names` in the place of the module's own."""
        self._module = module
        vars(self).update(names)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._module, name)
