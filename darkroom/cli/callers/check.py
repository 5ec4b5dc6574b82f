"""The check of `darkroom doctor` about callers: each key has a caller, and each caller a key."""

from collections.abc import Callable, Iterator

from darkroom.cli.callers import listing
from darkroom.cli.callers.changes import Callers
from darkroom.cli.callers.listing import KeyState, Listed
from darkroom.cli.errors import CommandError
from darkroom.cli.operator.deployment import OK, WARN, Deployment, Finding
from darkroom.cli.render import count

SUBJECT = "callers"


def callers(deployment: Deployment) -> Iterator[Finding]:
    """Check that each key has a caller, and each caller that was not revoked a key that works."""
    try:
        found = listing.read(Callers(deployment.stack))
    except CommandError as error:
        yield Finding(WARN, SUBJECT, "could not be checked", str(error))
        return
    command = deployment.stack.command
    findings = [finding for listed in found.callers for finding in _of_caller(listed, command)]
    for key_id in found.unnamed:
        advice = f"`{command(f'callers add NAME --key {key_id}')}` names its caller."
        findings.append(Finding(WARN, SUBJECT, f"the key {key_id} has no caller", advice))
    yield from findings
    if not findings:
        keys = sum(len(listed.keys) for listed in found.callers)
        counted = f"{count(len(found.callers), 'caller')} with {count(keys, 'key')}"
        yield Finding(OK, SUBJECT, counted)


def _of_caller(listed: Listed, command: Callable[[str], str]) -> Iterator[Finding]:
    name = listed.caller.name
    for key in listed.keys:
        if key.works:
            continue
        what = "has ended" if key.state == KeyState.ENDED else f"is {key.state}"
        advice = f"`{command(f'callers revoke {name} --key {key.key_id}')}` removes it."
        yield Finding(WARN, SUBJECT, f"the key {key.key_id} of {name} {what}", advice)
    if not listed.works and listed.caller.revoked_at is None:
        advice = f"`{command(f'callers rotate {name}')}` gives it one."
        yield Finding(WARN, SUBJECT, f"{name} has no key that works", advice)
