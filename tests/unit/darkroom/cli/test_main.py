import errno
import json
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from darkroom import client
from darkroom.cli import stack, submissions
from tests.support.fakes.api import GRAY, MOST_BYTES, PNG, Api, darkroom


def test_submit_prints_the_task_of_each_source_in_their_order(api: Api) -> None:
    done = darkroom("submit", "https://x/a.png", "https://x/b.png", "--name", "n")

    assert done.exit_code == 0
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["PENDING", "PENDING"]
    assert done.stdout.index("https://x/a.png") < done.stdout.index("https://x/b.png")
    assert {body["name"] for body in api.bodies} == {"n"}


def test_submit_sends_only_the_options_that_were_given(api: Api) -> None:
    darkroom("submit", "https://x/a.png")
    darkroom("submit", "https://x/a.png", "--format", "webp", "--quality", "70")

    assert api.bodies[0] == {"imageUrl": "https://x/a.png"}
    assert api.bodies[1]["output"] == {"format": "webp", "quality": 70}


def test_a_file_is_uploaded_under_its_own_type_and_shown_by_its_name(
    api: Api, tmp_path: Path
) -> None:
    (tmp_path / "really-a-png.jpg").write_bytes(PNG)

    done = darkroom("submit", "really-a-png.jpg")

    assert api.uploads == {"u1": ("image/png", PNG)}
    assert api.bodies == [{"uploadId": "u1", "name": "really-a-png.jpg"}]
    assert done.stdout.split() == ["PENDING", "t1", "really-a-png.jpg"]


def test_a_file_of_many_megabytes_arrives_whole(api: Api, tmp_path: Path) -> None:
    large = PNG + bytes(9_000_000)
    (tmp_path / "large.png").write_bytes(large)

    assert darkroom("submit", "large.png").exit_code == 0
    assert api.uploads["u1"][1] == large


def test_a_file_that_s3_refuses_as_too_large_is_reported_in_one_line(
    api: Api, tmp_path: Path
) -> None:
    (tmp_path / "large.png").write_bytes(PNG + bytes(MOST_BYTES))

    done = darkroom("submit", "large.png", "https://x/a.png")

    assert done.exit_code == 1
    assert done.stderr == "large.png: The file has 9.5 MiB, more than this stack accepts.\n"
    assert api.bodies == [{"imageUrl": "https://x/a.png"}]


def test_a_file_that_the_form_would_not_take_is_not_even_sent(api: Api, tmp_path: Path) -> None:
    api.policy = {"conditions": [{"key": "u"}, ["content-length-range", 1, 1024**2]]}
    (tmp_path / "large.png").write_bytes(PNG + bytes(1024**2))

    done = darkroom("submit", "large.png")

    reported = "The file has 1.0 MiB, more than the 1.0 MiB that this stack accepts."
    assert done.stderr == f"large.png: {reported}\n"
    assert api.uploads["u1"][1] == b""


@pytest.mark.parametrize("policy", [[], {}, {"conditions": [[]]}, {"conditions": [{}, ["eq"]]}])
def test_a_form_without_its_limit_is_still_used(api: Api, tmp_path: Path, policy: object) -> None:
    api.policy = policy
    (tmp_path / "a.png").write_bytes(PNG)

    assert darkroom("submit", "a.png").exit_code == 0
    assert api.uploads["u1"][1] == PNG


def test_another_refusal_of_s3_is_reported_with_its_message(api: Api, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(PNG)
    api.refuse_uploads("AccessDenied", "Invalid according to Policy: Policy expired.", 403)

    reported = darkroom("submit", "a.png").stderr

    assert reported.startswith("a.png: The server returned 403")
    assert "Policy expired. The API key is wrong, or the link has expired." in reported


def test_a_file_that_cannot_be_read_does_not_stop_the_others(
    api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.png").write_bytes(PNG)
    denied = PermissionError(errno.EACCES, "Permission denied")
    monkeypatch.setattr(client, "head", mock.Mock(side_effect=denied))

    done = darkroom("submit", "a.png", "https://x/a.png")

    assert done.stderr == "a.png: The file cannot be read: Permission denied.\n"
    assert api.bodies == [{"imageUrl": "https://x/a.png"}]


def test_a_file_that_does_not_exist_is_named(api: Api) -> None:
    done = darkroom("submit", "nowhere.png")

    assert done.exit_code == 2
    assert done.stderr.startswith("nowhere.png does not exist.")
    assert api.bodies == []


@pytest.mark.usefixtures("api")
def test_out_saves_every_result_beside_the_others(tmp_path: Path) -> None:
    sources = ["https://x/cat.png", "https://y/Cat.webp?size=2", "https://x/dog.png"]

    done = darkroom("submit", *sources, "--out", tmp_path / "gray")

    assert done.exit_code == 0
    saved = {path.name: path.read_bytes() for path in (tmp_path / "gray").iterdir()}
    assert saved == {"cat-gray.jpg": GRAY, "Cat-gray-2.jpg": GRAY, "dog-gray.jpg": GRAY}


@pytest.mark.usefixtures("api")
def test_a_task_that_fails_is_shown_with_step_error_and_message() -> None:
    done = darkroom("submit", "https://x/a.png", "https://x/missing.png", "--wait")

    assert done.exit_code == 1
    good, bad = done.stdout.splitlines()
    assert good.startswith("COMPLETED")
    assert bad.startswith("FAILED")
    assert "Download: SourceNotFound: https://x/missing.png answered 404" in bad


def test_a_refused_source_does_not_stop_the_others(api: Api) -> None:
    done = darkroom("submit", "https://x/refused.png", "https://x/a.png", "--wait")

    assert done.exit_code == 1
    assert done.stderr == "https://x/refused.png: This URL is not allowed.\n"
    assert done.stdout.startswith("COMPLETED")
    assert len(api.bodies) == 2


@pytest.mark.usefixtures("api")
def test_a_result_that_cannot_be_saved_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a-gray.jpg" / "in the way").mkdir(parents=True)

    done = darkroom("submit", "https://x/a.png", "--out", tmp_path)

    assert done.exit_code == 1
    assert "The result could not be saved" in done.stderr


def test_a_task_that_never_ends_is_an_error(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(submissions, "TIMEOUT", 0.0)
    monkeypatch.setattr(
        api, "add", lambda task_id, url: Api.add(api, task_id, url, status="RUNNING")
    )

    done = darkroom("submit", "https://x/a.png", "--wait")

    assert done.exit_code == 1
    assert "It is still RUNNING after 0 s." in done.stderr


def test_a_hostile_message_cannot_command_the_terminal(api: Api) -> None:
    api.add("t1", "https://x/missing\x1b]0;owned\x07.png")

    assert "\x1b" not in darkroom("status", "t1").stdout


def test_status_shows_the_fields_of_a_task(api: Api) -> None:
    api.add("t1")

    shown = darkroom("status", "t1").stdout

    for text in ("COMPLETED", "https://x/a.png", "2.00 s", "40 x 30, image/jpeg, 14 B"):
        assert text in shown


def test_status_shows_the_outcome_of_the_webhook(api: Api) -> None:
    reported = {
        "delivered": False,
        "tries": 3,
        "at": "",
        "status": 500,
        "message": "It answered 500.",
    }
    api.add("t1", callback={"url": "https://x/told", "delivery": reported})
    api.add("t2", callback={"url": "https://x/told", "delivery": reported | {"delivered": True}})
    api.add("t3", callback={"url": "https://x/told", "delivery": None})

    assert "https://x/told: not delivered: It answered 500. (attempt 3)" in shown("t1")
    assert "https://x/told: delivered (attempt 3)" in shown("t2")
    assert "https://x/told: not sent yet" in shown("t3")


def shown(task_id: str) -> str:
    return " ".join(darkroom("status", task_id).stdout.split())


def test_status_names_the_batch_of_a_task(api: Api) -> None:
    api.add("t1", batchId="b7")
    api.add("t2", batchId=None)
    assert "batch b7" in shown("t1")
    assert "batch" not in shown("t2")


def test_json_is_what_the_api_said(api: Api) -> None:
    api.add("t1", name="gr\u00fcn [bold]")
    api.add("t2")

    assert json.loads(darkroom("status", "t1", "--json").stdout) == api.tasks["t1"]
    assert lines("list", "--json") == [api.tasks["t2"], api.tasks["t1"]]


def lines(*arguments: str) -> list[Any]:
    """The JSON objects that a command prints, one on each line."""
    return [json.loads(line) for line in darkroom(*arguments).stdout.splitlines()]


def test_list_has_a_line_for_each_task(api: Api) -> None:
    api.add("t1")
    api.add("t2", "https://x/missing.png")

    _, newest, oldest = darkroom("list").stdout.splitlines()

    assert newest.split()[:2] == ["t2", "FAILED"]
    assert oldest.split()[:2] == ["t1", "COMPLETED"]


def test_list_ends_at_the_limit(api: Api) -> None:
    for number in range(3):
        api.add(f"t{number}")

    assert len(lines("list", "--limit", "2", "--json")) == 2


def test_result_saves_the_gray_image(api: Api, tmp_path: Path) -> None:
    api.add("t1")

    done = darkroom("result", "t1", "--out", tmp_path / "gray.jpg")

    assert done.exit_code == 0
    assert (tmp_path / "gray.jpg").read_bytes() == GRAY


def test_result_of_a_failed_task_says_why_there_is_none(api: Api, tmp_path: Path) -> None:
    api.add("t1", "https://x/missing.png")

    done = darkroom("result", "t1", "--out", tmp_path / "gray.jpg")

    assert done.exit_code == 1
    assert "The task is FAILED, it has no result. Download: SourceNotFound" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["submit"], "Missing argument 'URL|FILE'."),
        (["develop"], "No such command 'develop'."),
        (["submit", "https://x/a.png", "--quality", "101"], "Invalid value for '--quality'"),
    ],
)
def test_a_wrong_use_is_one_line_and_exit_code_2(arguments: list[str], complaint: str) -> None:
    done = darkroom(*arguments)

    assert done.exit_code == 2
    assert done.stderr.startswith(complaint)
    assert done.stderr.count("\n") == 1


def test_ctrl_c_ends_the_waiting_and_leaves_the_ids(monkeypatch: pytest.MonkeyPatch) -> None:
    def taken(_client: object, jobs: list[submissions.Job], *_: object) -> None:
        jobs[0].task = {"taskId": "t1", "status": "PENDING", "failure": None, "result": None}

    # There is no server and no thread, because a request that a slow machine repeats would create
    # another task.
    monkeypatch.setattr(stack, "find", lambda *_: stack.Stack("http://127.0.0.1:1", "k"))
    monkeypatch.setattr(submissions, "submit", taken)
    monkeypatch.setattr(submissions, "follow", mock.Mock(side_effect=KeyboardInterrupt))

    done = darkroom("submit", "https://x/a.png", "--wait")

    assert done.exit_code == 130
    assert done.stdout.split() == ["PENDING", "t1", "https://x/a.png"]
