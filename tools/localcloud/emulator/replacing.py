"""How a patch replaces a function of ministack, and how it checks what it replaces."""

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

Function = Callable[..., Any]


@dataclass(frozen=True)
class Patch:
    """A change of ministack. `apply` makes it, or raises AssertionError: see `rely_on`."""

    apply: Callable[[], None]


def replaces(owner: Any, *names: str, has: str) -> Callable[[Function], Patch]:
    """Turn a function into a patch that replaces each of `names` in `owner`.

    The function gets the original, and then the arguments of the call. For `has` see `rely_on`.
    """

    def decorate(function: Function) -> Patch:
        def around(original: Function) -> Function:
            # `wraps` leads `rely_on` to ministack's source code if several patches replace a name.
            @functools.wraps(original)
            def replacement(*arguments: Any, **named: Any) -> Any:
                return function(original, *arguments, **named)

            return replacement

        def apply() -> None:
            for name in names:
                replace(owner, name, around, has=has)

        return Patch(apply)

    return decorate


def apply_patches(*modules: ModuleType) -> None:
    """Apply all patches of modules, in the order of their definition."""
    for module in modules:
        for member in vars(module).values():
            if isinstance(member, Patch):
                member.apply()


def replace(owner: Any, name: str, around: Callable[[Function], Function], *, has: str) -> None:
    """Replace `owner.name` by `around(original)`, after the check of `rely_on`."""
    setattr(owner, name, around(rely_on(owner, name, has=has)))


def rely_on(owner: Any, name: str, *, has: str) -> Any:
    """Return `owner.name` after checking its source code, for a patch of something that it uses.

    `has` is a piece of that source code that the patch depends on.

    Raises:
        AssertionError: the name is missing, or its source code does not contain `has`.
    """
    original = getattr(owner, name, None)
    if original is None or has not in inspect.getsource(original):
        message = f"{owner.__name__}.{name} is not the one this patch was written for ({has!r})"
        raise AssertionError(message)
    return original


class ModuleProxy:
    """A module in which some names are replaced, for one module of ministack that imports it."""

    def __init__(self, module: Any, **names: Any) -> None:
        """Use `names` instead of the module's own names."""
        self._module = module
        vars(self).update(names)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._module, name)
