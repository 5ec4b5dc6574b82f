"""The commands `darkroom callers add`, `list`, `rotate`, `revoke` and `limit`.

`add` and `rotate` print the new key on stdout, once, and everything else on stderr. So the key can
go to a password store without being shown: `darkroom callers add acme | pass insert -m acme`.
"""

import dataclasses
import datetime
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from darkroom.cli.errors import UsageError
from darkroom.cli.options import AsJson, Yes, accepting, stack_of
from darkroom.tasks import callers as rules

if TYPE_CHECKING:
    from darkroom.cli.callers.api_keys import Limits, NewKey
    from darkroom.cli.callers.changes import Callers
    from darkroom.cli.callers.listing import Listed
    from darkroom.cli.callers.records import Caller

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Manage callers, their API keys and their limits.",
)

MAX_RATE = 1_000_000
"""More than any account may receive. Typer accepts `inf` as a number."""
check_name = accepting(rules.is_name, f"a caller's name has {rules.NAME_RULE}")
check_key_id = accepting(
    re.compile(r"[A-Za-z0-9]+").fullmatch,
    "the id of a key has letters and digits only, and `callers list` shows it",
)
Name = Annotated[
    str, typer.Argument(metavar="NAME", callback=check_name, help="The name of the caller.")
]
Rate = Annotated[
    float | None,
    typer.Option(
        min=0.01,
        max=MAX_RATE,
        metavar="N",
        help="Requests per second of each key, on average.",
    ),
]
Burst = Annotated[
    int | None, typer.Option(min=1, metavar="N", help="Requests of each key at once.")
]
Quota = Annotated[
    int | None, typer.Option(min=1, metavar="N", help="Requests of each key per day.")
]
Grace = Annotated[
    str | None,
    typer.Option(
        metavar="TIME",
        help="Let the older keys end after 30s, 15m, 1h, 2d. Default: they work until revoked.",
    ),
]


@app.command()
def add(
    context: typer.Context,
    name: Name,
    *,
    key_id: Annotated[
        str | None,
        typer.Option(
            "--key",
            metavar="ID",
            callback=check_key_id,
            help="Name the caller of a key that exists, instead of creating a key.",
        ),
    ] = None,
    rate: Rate = None,
    burst: Burst = None,
    quota: Quota = None,
    as_json: AsJson = False,
) -> None:
    """Add a caller and print its API key.

    The key is the only output on stdout.
    """
    from darkroom.cli.render import print_json, say

    callers = _callers(context)
    limits = _limits(callers.shared_limits, rate, burst, quota)
    if key_id is None:
        caller, key = callers.add(name, limits)
        _print_key(caller, key, as_json=as_json)
        return
    caller = callers.adopt(name, key_id)
    if limits:
        caller = callers.limit(caller, limits)
    if as_json:
        print_json({"caller": caller.name, "owner": caller.owner, "keyId": key_id})
    else:
        say(f"{caller.name} has the key {key_id} and all that was submitted with it.")


@app.command("list")
def list_callers(context: typer.Context, *, as_json: AsJson = False) -> None:
    """List callers, their keys and the limits of each key."""
    from darkroom.cli import render
    from darkroom.cli.callers import listing

    callers = _callers(context)
    found = listing.read(callers)
    if as_json:
        unnamed = [{"caller": None, "owner": i, "keys": [{"keyId": i}]} for i in found.unnamed]
        for caller in (*map(_view, found.callers), *unnamed):
            render.print_json(caller)
    else:
        rows = [row for listed in found.callers for row in _rows(listed)]
        rows += [["-", key_id, key_id, "works", ""] for key_id in found.unnamed]
        columns = {**dict.fromkeys(("caller", "owner", "key", "state"), render.WORD)}
        render.show(render.table({**columns, "limits of a key": render.CUT}, rows))
    if found.unnamed:
        add = callers.command("callers add NAME --key ID")
        render.note(f"Keys without a caller: `{add}` names it.")


@app.command()
def rotate(
    context: typer.Context, name: Name, *, grace: Grace = None, as_json: AsJson = False
) -> None:
    """Add an API key to a caller and print it.

    The older keys work until they are revoked, or with --grace for that time. The new key is the
    only output on stdout.
    """
    from darkroom.cli.render import note
    from darkroom.cli.retries import duration
    from darkroom.runtime.clock import timestamp

    try:
        period = None if grace is None else duration(grace)
    except ValueError as problem:
        raise UsageError(f"--grace: {problem}") from problem
    callers = _callers(context)
    caller, deleted = callers.delete_ended(callers.find(name))
    if deleted:
        note(f"Deleted, because their time was over: {', '.join(deleted)}.")
    old = caller.key_ids
    caller, key = callers.new_key(caller)
    ends_at = None if period is None else timestamp(datetime.datetime.now(datetime.UTC) + period)
    # Before anything else can fail: the key is shown nowhere else.
    _print_key(caller, key, as_json=as_json, oldKeys=list(old), oldKeysEndAt=ends_at)
    if old and ends_at:
        callers.end(caller, old, ends_at)
        note(f"Its older keys, {', '.join(old)}, are refused from {ends_at} on.")
    elif old:
        note(f"Its older keys, {', '.join(old)}, keep working. When {name} has the new one:")
        for key_id in old:
            note("  " + callers.command(f"callers revoke {name} --key {key_id}"))


@app.command()
def revoke(
    context: typer.Context,
    name: Name,
    *,
    key_id: Annotated[
        str | None,
        typer.Option(
            "--key",
            metavar="ID",
            callback=check_key_id,
            help="Only this key. Default: all keys of the caller.",
        ),
    ] = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Revoke the API keys of a caller.

    A revoked key never works again. Tasks, batches and results stay, and `rotate` prints a new key.
    """
    from darkroom.cli.render import confirm, count, note, print_json, say
    from darkroom.runtime.clock import timestamp

    tell = note if as_json else say
    callers = _callers(context)
    caller = callers.find(name)
    if key_id is not None and key_id not in caller.key_ids:
        shown = callers.command("callers list")
        raise UsageError(f"{caller.name} has no key {key_id}. `{shown}` shows all.")
    ending = caller.key_ids if key_id is None else (key_id,)
    if not ending:
        tell(f"{caller.name} has no key.")
        return
    confirm(f"Revoke {count(len(ending), 'key')} of {caller.name}?", yes=yes)
    caller = callers.end(caller, ending, timestamp())
    caller, deleted = callers.delete_ended(caller)
    tell(f"Revoked: {', '.join(deleted)}. Requests are refused within {rules.MAX_AGE} seconds.")
    if caller.key_ids:
        tell(f"{caller.name} still has {', '.join(caller.key_ids)}.")
    else:
        again = callers.command(f"callers rotate {name}")
        tell(f"{caller.name} has no key any more. `{again}` gives it one.")
    if as_json:
        print_json({"caller": caller.name, "revoked": list(deleted), "keyIds": [*caller.key_ids]})


@app.command()
def limit(
    context: typer.Context,
    name: Name,
    *,
    rate: Rate = None,
    burst: Burst = None,
    quota: Quota = None,
    default: Annotated[
        bool, typer.Option("--default", help="The limits of the stack's parameters again.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Limit each key of a caller.

    Values that are not given stay unchanged. While a caller gets its own limits for the first
    time, or loses them, API Gateway may refuse its requests with 403 for some seconds.
    """
    from darkroom.cli.render import print_json, say

    callers = _callers(context)
    caller = callers.find(name)
    limits = _limits(lambda: callers.limits_of(caller), rate, burst, quota)
    if (limits is not None) == default:
        raise UsageError("Give --rate, --burst or --quota, or else --default.")
    caller = callers.limit(caller, limits) if limits else callers.unlimit(caller)
    valid = callers.limits_of(caller)
    if as_json:
        own = caller.limits is not None
        print_json({"caller": caller.name, "own": own, "limits": dataclasses.asdict(valid)})
        return
    whose = "of its own" if caller.limits else "of the stack"
    say(f"Each key of {caller.name} has limits {whose}: {valid}.")


def _callers(context: typer.Context) -> "Callers":
    from darkroom.cli.callers.changes import Callers

    return Callers(stack_of(context))


def _limits(
    present: Callable[[], "Limits"], rate: float | None, burst: int | None, quota: int | None
) -> "Limits | None":
    """Return the present limits with those that were given instead; None if none was."""
    given = {"rate": rate, "burst": burst, "quota": quota}
    changes: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    return dataclasses.replace(present(), **changes) if changes else None


def _print_key(caller: "Caller", key: "NewKey", *, as_json: bool, **more: Any) -> None:
    """Print a new key on stdout, and what it is on stderr."""
    from darkroom.cli.render import note, print_json

    note(
        f"The new API key of {caller.name}, with the id {key.key_id}. It is not shown again. "
        "Until API Gateway accepts it, up to a minute may pass."
    )
    if as_json:
        shown = {"caller": caller.name, "owner": caller.owner, "keyId": key.key_id}
        print_json({**shown, "key": key.value, **more})
    else:
        typer.echo(key.value)


def _rows(listed: "Listed") -> list[list[str]]:
    """Return the rows of a caller in the list: one for each key, at least one."""
    caller, rows = listed.caller, []
    for key in listed.keys:
        state = f"works until {key.ends_at}" if key.works and key.ends_at else key.state
        rows.append([caller.name, caller.owner, key.key_id, state, str(listed.limits)])
    return rows or [[caller.name, caller.owner, "-", "no key", str(listed.limits)]]


def _view(listed: "Listed") -> dict[str, Any]:
    caller = listed.caller
    return {
        "caller": caller.name,
        "owner": caller.owner,
        "createdAt": caller.created_at,
        "limits": {**dataclasses.asdict(listed.limits), "own": caller.limits is not None},
        "keys": [
            {
                "keyId": key.key_id,
                "state": key.state,
                "createdAt": key.created_at,
                "endsAt": key.ends_at,
            }
            for key in listed.keys
        ],
    }
