"""Each wrong use of the command line ends with one helpful sentence and the right exit code."""

import os
import re
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer

from darkroom.cli import stack
from darkroom.client import transport
from tests.support.fakes.api import PNG, Api, darkroom

DONE = "00ebb763-6783-4f6d-ad5a-ac1fcc3b8807"
BROKEN = "11ebb763-6783-4f6d-ad5a-ac1fcc3b8807"
BATCH = "22ebb763-6783-4f6d-ad5a-ac1fcc3b8807"
URL = "https://x/a.png"

WRONG = [
    # A command or an option that does not exist.
    ("develop", 2, "No such command 'develop'. See `darkroom --help`."),
    ("lst", 2, "No such command 'lst'. Did you mean 'list'?"),
    ("help list", 2, "Add --help to a command"),
    ("list --lmit 3", 2, "No such option: --lmit. Did you mean --limit?"),
    ("list --verbose", 2, "No such option: --verbose. See `darkroom list --help`."),
    ("list --stack prod", 2, "Give --stack before the command: `darkroom --stack NAME list`."),
    ("--json list", 2, "Give --json after the command, for example `darkroom submit --json`."),
    # Too few arguments, too many, or some that exclude each other.
    ("submit", 2, "Missing argument 'URL|FILE'. See `darkroom submit --help`."),
    ("list surplus", 2, "Got unexpected extra argument(s) (surplus). See `darkroom list --help`."),
    ("list --limit", 2, "Option '--limit' requires an argument."),
    (f"result {DONE}", 2, "Missing option '--out'. See `darkroom result --help`."),
    ("batch folder", 2, "Missing option '--out'. See `darkroom batch --help`."),
    ("status", 2, "Give either a task or --batch."),
    (f"status {DONE} --batch {BATCH}", 2, "Give either a task or --batch."),
    ("cancel", 2, "Give either tasks or --batch."),
    (f"retry {DONE} --status FAILED", 2, "Give either tasks, or --status FAILED"),
    (f"retry {DONE} --since 1h", 2, "--error, --since and --dry-run need --status."),
    # Values that are not accepted.
    (f"submit {URL} --quality 0", 2, "'--quality': 0 is not from 1 to 100."),
    (f"submit {URL} --quality best", 2, "'--quality': it must be a whole number."),
    (f"submit {URL} --format gif", 2, "'gif' is not one of 'auto', 'jpeg', 'png', 'webp', 'avif'."),
    ("list --limit -1", 2, "'--limit': -1 is not 1 or more."),
    ("list --status done", 2, "'done' is not one of PENDING, RUNNING, COMPLETED, FAILED"),
    ("cost --tasks 0", 2, "'--tasks': 0 is not 1 or more."),
    ("retry --status FAILED --since yesterday", 2, "Use a form like 30s, 15m, 1h or 2d."),
    ("retry --status RUNNING", 2, "A RUNNING task cannot be retried. Use FAILED or CANCELLED."),
    (f"submit {URL} --name {'a' * 201}", 2, "'--name': a name has 1 to 200 characters."),
    ("callers add acme --rate inf", 2, "'--rate': Input should be less than or equal to 1000000."),
    ("retry --status FAILED --error Source:gone", 2, "the name of an error looks like Source"),
    ("--stack prod --region Europe list", 2, "a region looks like eu-central-1."),
    ("restore t", 2, "a table's name has 3 to 255 letters, digits, `-`, `_` or `.`. See"),
    # Files and folders.
    ("submit nowhere.png", 2, "nowhere.png does not exist. Give files, or URLs that start with"),
    ("submit folder", 2, "folder is a folder. Give files, or URLs that start with https://."),
    ("submit empty.png", 2, "empty.png is empty. Give a file with an image."),
    (f"submit {URL} --out picture.png", 2, "picture.png is not a folder. Name another folder"),
    ("batch nowhere --out gray", 2, "nowhere does not exist. Give a folder or a list of images."),
    ("batch picture.png --out gray", 2, "picture.png is neither a folder nor a .jsonl"),
    ("batch folder --out gray", 2, "folder has no images."),
    (f"result {DONE} --out folder", 2, "folder is a folder. Give --out the name of a file"),
    (f"result {DONE} --out nowhere/a", 2, "The folder nowhere does not exist. Create it"),
    # Ids.
    (f"status https://x/v1/tasks/{DONE}", 2, f"is not an id. Give only {DONE}."),
    ("status cat.png", 2, f"'cat.png' is not an id. It looks like {DONE}."),
    ("logs unknown", 1, "You have nothing with this id. See your tasks with `darkroom list`."),
    (f"status {BATCH}", 1, "the id of a batch, not of a task. See it with `darkroom status --b"),
    (f"delete {BATCH}", 1, "the id of a batch, not of a task. See it with `darkroom status --b"),
    (f"retry {BATCH}", 1, "the id of a batch, not of a task."),
    (f"status --batch {DONE}", 1, "the id of a task, not of a batch. See it with `darkroom st"),
    (f"result {BROKEN} --out a", 1, "The task is FAILED, it has no result. Download: SourceNot"),
    # The stack.
    ("redrive-dlq", 1, "The queues of the stack are not known. Use --stack to name the stack."),
    ("console cat.png", 2, f"'cat.png' is not an id. It looks like {DONE}."),
    ("console", 1, "The address of the console is not known. Name the stack with --stack."),
]


@pytest.fixture
def api(api: Api, monkeypatch: pytest.MonkeyPatch) -> Api:
    monkeypatch.setattr(transport, "TRIES", 1)
    return api


@pytest.mark.parametrize(("line", "code", "said"), WRONG, ids=[line for line, *_ in WRONG])
def test_a_wrong_use_is_one_helpful_sentence(
    api: Api, tmp_path: Path, line: str, code: int, said: str
) -> None:
    api.add(DONE)
    api.add(BROKEN, "https://x/missing.png")
    api.server.expect_request(f"/dev/batches/{BATCH}").respond_with_json({"batchId": BATCH})
    api.has_nothing_else()
    (tmp_path / "folder").mkdir()
    (tmp_path / "empty.png").touch()
    (tmp_path / "picture.png").write_bytes(PNG)

    done = darkroom(*line.split())

    assert done.exit_code == code
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""
    assert api.bodies == []
    assert api.repairs == []


@pytest.mark.parametrize("line", ["submit picture.png", "batch folder --out gray", "list"])
def test_an_empty_name_is_refused(api: Api, line: str) -> None:
    done = darkroom(*line.split(), "--name", "")

    assert done.exit_code == 2
    assert "a name has 1 to 200 characters." in done.stderr
    assert api.server.log == []


@pytest.mark.parametrize(
    "line", ["--stack @ list", "--stack prod --region @ list", "restore @", "retry --error @"]
)
def test_an_empty_name_of_something_else_is_refused_too(api: Api, line: str) -> None:
    """An empty `--stack` would select the local cloud, whatever the command does to it."""
    done = darkroom(*("" if word == "@" else word for word in line.split()))

    assert done.exit_code == 2
    assert "it is empty. Is a variable of the shell not set?" in done.stderr
    assert api.server.log == []


@pytest.mark.parametrize(("command", "what"), [("list", "task"), ("batches", "batch")])
def test_more_than_any_list_has_may_be_asked_for(api: Api, command: str, what: str) -> None:
    api.server.expect_request("/dev/batches").respond_with_json({"batches": [], "cursor": None})
    done = darkroom(command, "--limit", "9" * 20)
    assert (done.exit_code, done.stderr) == (0, f"No {what} matches.\n")


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("DARKROOM_API_URL", "nonsense", "DARKROOM_API_URL is 'nonsense'. Set it to the address"),
        ("DARKROOM_API_URL", "ftp://api", "It starts with https://."),
        ("DARKROOM_API_KEY", "a key\n", "DARKROOM_API_KEY has a character that no API key has"),
        ("DARKROOM_API_KEY", "kéy", "Set it to the key alone."),
    ],
)
def test_an_invalid_variable_is_named(
    api: Api, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, said: str
) -> None:
    monkeypatch.setenv(variable, value)

    done = darkroom("list")

    assert (done.exit_code, done.stderr.count("\n")) == (1, 1)
    assert said in done.stderr
    assert api.server.log == []


def test_an_address_without_an_api_is_to_be_checked(api: Api) -> None:
    api.server.clear()
    api.server.expect_request("/dev/tasks").respond_with_json({"message": "Not Found"}, 404)
    assert darkroom("list").stderr.endswith(": Not Found. Check the address.\n")


@pytest.mark.parametrize(
    "arguments",
    [
        ["submit", ""],
        ["submit", "picture.png", ""],
        ["submit", URL, "--out", ""],
        ["batch", "", "--out", "gray"],
        ["batch", "folder", "--out", ""],
        ["result", DONE, "--out", ""],
    ],
)
def test_an_empty_path_is_not_the_current_folder(api: Api, arguments: list[str]) -> None:
    """An unset variable of the shell leaves an empty text."""
    done = darkroom(*arguments)

    assert done.exit_code == 2
    assert ": it is empty. Is a variable of the shell not set? See `" in done.stderr
    assert api.server.log == []


def test_an_empty_id_is_refused_before_it_becomes_the_address_of_all_tasks(api: Api) -> None:
    done = darkroom("status", "")

    assert done.exit_code == 2
    assert "'' is not an id." in done.stderr
    assert api.server.log == []


@pytest.mark.parametrize(
    ("variables", "advice"),
    [
        ({"DARKROOM_API_KEY": "wrong"}, "Set DARKROOM_API_KEY to a key of this stack"),
        ({"DARKROOM_STACK": "darkroom-dev"}, "The key of the output ApiKeyId must be enabled"),
        ({"DARKROOM_API_KEY": ""}, "Run `make up` to write the key of the local cloud again."),
    ],
)
@pytest.mark.parametrize("line", ["list", "submit https://x/a.png https://x/b.png"])
def test_a_wrong_key_says_where_it_came_from(
    httpserver: HTTPServer,
    monkeypatch: pytest.MonkeyPatch,
    variables: dict[str, str],
    advice: str,
    line: str,
) -> None:
    error = {"code": "Forbidden", "message": "Send a valid API key in the header x-api-key."}
    httpserver.expect_request("/dev/tasks").respond_with_json({"error": error}, 403)
    here = stack.Stack(httpserver.url_for("/dev"), "wrong")
    monkeypatch.setattr(stack, "find", lambda *_: here)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    done = darkroom(*line.split())

    assert done.exit_code == 1
    assert done.stderr.splitlines()[-1].startswith(f"The API refused the key. {advice}")


def test_a_server_that_is_down_is_named_once_for_all_images(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DARKROOM_API_URL", "http://127.0.0.1:1/dev")

    done = darkroom("submit", URL, URL, URL)

    assert done.exit_code == 1
    assert done.stderr.count("127.0.0.1:1 does not answer") == 1
    assert "3 of 3 images were not submitted." in done.stderr
    assert api.bodies == []


@pytest.mark.parametrize("line", ["list", f"status {DONE}", f"status --batch {BATCH}"])
def test_a_server_that_is_not_a_darkroom_is_named(api: Api, line: str) -> None:
    api.server.clear()
    api.server.expect_request(re.compile("/.*")).respond_with_json({"hello": "world"})

    done = darkroom(*line.split())

    assert done.exit_code == 1
    assert "is not a Darkroom: its response has no " in done.stderr
    assert done.stderr.endswith("Check the address.\n")


def test_a_region_without_a_stack_is_not_ignored(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DARKROOM_API_URL")

    done = darkroom("--region", "eu-west-1", "list")

    assert done.exit_code == 2
    assert done.stderr == "--region needs --stack, which names a stack in that region.\n"
    assert api.server.log == []


def test_a_folder_that_is_not_writable_is_found_before_anything_is_submitted(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write everywhere

    done = darkroom("submit", URL, "--out", "gray")

    assert done.exit_code == 2
    assert done.stderr == "gray is not writable. Name another folder with --out.\n"
    assert api.bodies == []
