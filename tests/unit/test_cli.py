import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from typer.testing import CliRunner, Result
from werkzeug import Request, Response

from local import batch, cli, files, stack
from local.cli import app

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="
)
GRAY = b"the gray image"


class Api:
    """An API whose tasks end at once: COMPLETED, or FAILED when their source says `missing`."""

    def __init__(self, server: HTTPServer) -> None:
        self.server = server
        self.bodies: list[dict[str, Any]] = []
        self.tasks: dict[str, dict[str, Any]] = {}
        server.expect_request("/dev/tasks", method="POST").respond_with_handler(self.take)
        server.expect_request("/dev/tasks", method="GET").respond_with_handler(self.list)
        server.expect_request("/results").respond_with_data(GRAY)

    def take(self, request: Request) -> Response:
        body = request.get_json()
        self.bodies.append(body)
        if "refused" in body["imageUrl"]:
            error = {"code": "InvalidSource", "message": "This URL is not allowed."}
            return self.answer({"error": error}, 400)
        task = self.add(f"t{len(self.bodies)}", body["imageUrl"])
        return self.answer(task | {"status": "PENDING", "result": None, "failure": None}, 202)

    def add(self, task_id: str, image_url: str = "https://x/a.png", **more: Any) -> dict[str, Any]:
        failed = "missing" in image_url
        self.tasks[task_id] = {
            "taskId": task_id,
            "name": None,
            "status": "FAILED" if failed else "COMPLETED",
            "attempt": 1,
            "source": {"imageUrl": image_url[:40]},
            "output": {"format": "auto", "quality": 90},
            "createdAt": "2026-11-25T01:02:03.000Z",
            "startedAt": "2026-11-25T01:02:03.500Z",
            "completedAt": "2026-11-25T01:02:05.000Z",
            "result": None
            if failed
            else {
                "url": self.server.url_for("/results"),
                "contentType": "image/jpeg",
                "width": 40,
                "height": 30,
                "bytes": len(GRAY),
                "sha256": hashlib.sha256(GRAY).hexdigest(),
            },
            "failure": {
                "step": "Download",
                "error": "SourceNotFound",
                "message": f"{image_url} answered 404",
            }
            if failed
            else None,
            "execution": None,
            **more,
        }
        self.server.expect_request(f"/dev/tasks/{task_id}").respond_with_json(self.tasks[task_id])
        return self.tasks[task_id]

    def list(self, _: Request) -> Response:
        return self.answer({"tasks": list(reversed(self.tasks.values())), "cursor": None})

    @staticmethod
    def answer(body: Any, status: int = 200) -> Response:
        return Response(json.dumps(body), status, content_type="application/json")


@pytest.fixture
def api(httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Api:
    monkeypatch.setenv("DARKROOM_API_URL", httpserver.url_for("/dev"))
    monkeypatch.setenv("DARKROOM_API_KEY", "the-key")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.chdir(tmp_path)
    return Api(httpserver)


def darkroom(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


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


def test_a_file_is_sent_as_a_data_url_of_its_own_type(api: Api, tmp_path: Path) -> None:
    (tmp_path / "really-a-png.jpg").write_bytes(PNG)

    darkroom("submit", tmp_path / "really-a-png.jpg")

    head, _, data = api.bodies[0]["imageUrl"].partition(",")
    assert head == "data:image/png;base64"
    assert base64.b64decode(data) == PNG


def test_a_file_that_is_too_large_is_refused_before_anything_is_sent(
    api: Api, tmp_path: Path
) -> None:
    with (tmp_path / "large.png").open("wb") as large:
        large.truncate(files.MAX_FILE_BYTES + 1)

    done = darkroom("submit", "https://x/a.png", tmp_path / "large.png")

    assert done.exit_code == 2
    assert "large.png has 4.0 MiB; a file may have 4 MiB." in done.stderr
    assert api.bodies == []


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
    (tmp_path / "a-gray.jpg.partial").mkdir()

    done = darkroom("submit", "https://x/a.png", "--out", tmp_path)

    assert done.exit_code == 1
    assert "The result could not be saved" in done.stderr


def test_a_task_that_never_ends_is_an_error(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "PATIENCE", 0.0)
    monkeypatch.setattr(
        api, "add", lambda task_id, url: Api.add(api, task_id, url, status="RUNNING")
    )

    done = darkroom("submit", "https://x/a.png", "--wait")

    assert done.exit_code == 1
    assert "It is still RUNNING after 0 s." in done.stderr


def test_a_hostile_message_cannot_command_the_terminal(api: Api) -> None:
    api.add("t1", "https://x/missing\x1b]0;owned\x07.png")

    assert "\x1b" not in darkroom("status", "t1").stdout


def test_status_shows_what_is_known_of_a_task(api: Api) -> None:
    api.add("t1")

    shown = darkroom("status", "t1").stdout

    for text in ("COMPLETED", "https://x/a.png", "2.00 s", "40 x 30, image/jpeg, 14 B"):
        assert text in shown


def test_json_is_what_the_api_said(api: Api) -> None:
    api.add("t1", name="gr\u00fcn [bold]")
    api.add("t2")

    assert json.loads(darkroom("status", "t1", "--json").stdout) == api.tasks["t1"]
    assert json.loads(darkroom("list", "--json").stdout) == [api.tasks["t2"], api.tasks["t1"]]


def test_list_has_a_line_for_each_task(api: Api) -> None:
    api.add("t1")
    api.add("t2", "https://x/missing.png")

    _, newest, oldest = darkroom("list").stdout.splitlines()

    assert newest.split()[:2] == ["t2", "FAILED"]
    assert oldest.split()[:2] == ["t1", "COMPLETED"]


def test_list_ends_at_the_limit(api: Api) -> None:
    for number in range(3):
        api.add(f"t{number}")

    assert len(json.loads(darkroom("list", "--limit", "2", "--json").stdout)) == 2


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


def test_logs_of_a_task_that_nobody_claimed_say_so(api: Api) -> None:
    api.add("t1", status="PENDING")

    assert darkroom("logs", "t1").stderr == "The task is PENDING: no execution has claimed it.\n"


def test_logs_show_the_states_with_their_errors(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    arn = "arn:aws:states:us-east-1:000000000000:execution:tasks:t1-1"
    api.add("t1", execution={"arn": arn, "consoleUrl": "http://127.0.0.1/x"})
    events = [
        {"id": 1, "type": "TaskStateEntered", "stateEnteredEventDetails": {"name": "Download"}},
        {"id": 2, "type": "TaskFailed", "taskFailedEventDetails": {"error": "SourceBlocked"}},
    ]
    api.server.expect_request("/aws", method="POST").respond_with_json(
        {"events": [event | {"timestamp": 1_795_568_523 + event["id"]} for event in events]}
    )
    cloud = stack.Stack(api.server.url_for("/dev"), "k", endpoint_url=api.server.url_for("/aws"))
    monkeypatch.setattr(cli, "find", lambda *_: cloud)

    done = darkroom("logs", "t1")

    assert done.exit_code == 0
    assert done.stdout.splitlines()[1].split()[0] == "Download"
    assert "SourceBlocked" in done.stdout


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
