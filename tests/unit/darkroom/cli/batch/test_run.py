import json
from pathlib import Path

import pytest

from tests.support.batch_folders import folder, report, saved
from tests.support.fakes.api import GRAY, PNG, Api, darkroom


def test_a_folder_of_200_leaves_200_gray_files_with_the_same_names(api: Api) -> None:
    names = {f"day{n % 3}/IMG_{n:04}.png" for n in range(200)}

    done = darkroom("batch", folder(*names), "--out", "gray", "--name", "holiday")

    assert done.exit_code == 0, done.stderr
    assert saved() == names
    assert all(Path("gray", name).read_bytes() == GRAY for name in names)
    assert {name: row["status"] for name, row in report().items()} == dict.fromkeys(
        names, "COMPLETED"
    )
    assert "200 of 200 saved in gray" in done.stdout
    (body,) = api.batches.bodies
    assert body["name"] == "holiday"
    assert len(body["sources"]) == len(api.uploads) == 200


@pytest.mark.usefixtures("api")
def test_failures_are_shown_by_error_and_in_the_report() -> None:
    place = folder("a.png", "broken-1.jpg", "broken-2.jpg", "empty.jpg")

    done = darkroom("batch", place, "--out", "gray")

    assert done.exit_code == 1
    _, head, failed, refused, end, again = done.stdout.splitlines()
    assert head.split() == ["tasks", "error", "for", "example"]
    assert failed.split()[:2] == ["2", "SourceNotFound"]
    assert "answered 404" in failed
    assert refused.split()[:2] == ["1", "EmptyFile"]
    assert end.startswith("1 of 4 saved in gray. Report: gray/report.csv")
    assert again.startswith("To retry what failed: darkroom retry --batch b1, then")
    assert saved() == {"a.png"}
    row = report()["broken-1.jpg"]
    assert (row["status"], row["error"], row["file"]) == ("FAILED", "SourceNotFound", "")
    assert row["message"].endswith("answered 404")
    assert row["taskId"] == "b1-1"
    assert report()["a.png"]["file"] == "a.png"
    assert report()["empty.jpg"]["status"] == "REFUSED"


@pytest.mark.usefixtures("api")
def test_a_changed_type_changes_the_extension_and_overwrites_nothing() -> None:
    place = folder("a.png", "a.bmp", "b.bmp")
    (place / "a.bmp").write_bytes(b"BM" + bytes(20))
    (place / "b.bmp").write_bytes(b"BM" + bytes(21))

    assert darkroom("batch", place, "--out", "gray").exit_code == 0
    assert saved() == {"a.png", "a.bmp.png", "b.png"}
    assert report()["a.bmp"]["file"] == "a.bmp.png"


def test_more_than_1000_pictures_are_sent_as_a_manifest(api: Api) -> None:
    api.batches.pace = 400
    Path("list.txt").write_text("".join(f"https://x/{n}.jpg\n" for n in range(1001)))

    done = darkroom("batch", "list.txt", "--out", "gray", "--format", "jpeg")

    assert done.exit_code == 0, done.stderr
    (body,) = api.batches.bodies
    assert body == {
        "manifest": {"uploadId": "u1", "format": "jsonl"},
        "output": {"format": "jpeg"},
    }
    kind, lines = api.uploads["u1"]
    assert kind == "application/x-ndjson"
    assert json.loads(lines.splitlines()[1000]) == {"imageUrl": "https://x/1000.jpg"}
    assert len(saved()) == 1001


def test_a_refused_line_of_many_is_a_separate_failure(api: Api) -> None:
    api.batches.pace = 400
    wrong = ["https://x/refused.png", f"https://x/refused.png?{'a' * 500}"]
    lines = [*wrong, *(f"https://x/{n}.png" for n in range(1000))]
    Path("list.txt").write_text("\n".join(lines))

    done = darkroom("batch", "list.txt", "--out", "gray")

    assert done.exit_code == 1
    assert "1000 of 1002 saved" in done.stdout
    assert report()[wrong[0]]["error"] == "SourceNotFound"
    assert report()[wrong[1]]["error"] == "SourceNotFound"  # however little its message says


@pytest.mark.usefixtures("api")
def test_the_same_line_twice_is_two_tasks_with_two_results() -> None:
    folder("a.png")
    Path("list.txt").write_text("https://x/a.jpg\nhttps://x/a.jpg\nphotos/a.png\nphotos/a.png\n")

    done = darkroom("batch", "list.txt", "--out", "gray")

    assert done.exit_code == 0, done.stderr
    assert saved() == {"a.jpg", "a-2.jpg", "photos/a.png", "photos/a-2.png"}


@pytest.mark.usefixtures("api")
def test_a_terminal_shows_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "150")

    shown = darkroom("batch", folder("a.png", "b.png", "broken.png"), "--out", "gray").stdout

    assert "3 uploaded" in shown
    assert "2 developed  2 saved  1 failed" in shown
    assert "3/3" in shown


def test_an_upload_that_s3_refuses_does_not_stop_the_others(api: Api) -> None:
    place = folder("a.png", "b.png")
    api.refuse_uploads("EntityTooLarge", "Too large.", 400)

    done = darkroom("batch", place, "--out", "gray")

    assert done.exit_code == 1
    assert len(saved()) == 1
    assert sorted(row["error"] for row in report().values()) == ["", "EntityTooLarge"]


def test_without_any_valid_item_there_is_no_batch(api: Api) -> None:
    done = darkroom("batch", folder("empty.png"), "--out", "gray")

    assert done.exit_code == 1
    assert api.batches.bodies == []
    assert report()["empty.png"]["message"].endswith("empty.png is empty.")


def test_a_key_that_is_refused_ends_it_at_once(api: Api) -> None:
    api.server.clear()
    api.server.expect_request("/dev/uploads").respond_with_json({"message": "Forbidden"}, 403)

    done = darkroom("batch", folder(*(f"{n}.png" for n in range(100))), "--out", "gray")

    assert done.exit_code == 1
    assert "The API key is wrong" in done.stderr
    assert len(api.server.log) < 100


def test_a_picture_that_the_api_refuses_does_not_stop_the_others(api: Api) -> None:
    Path("list.csv").write_text("imageUrl\nhttps://x/a.png\nhttps://x/refused.png\nb.png\n")
    Path("b.png").write_bytes(PNG)

    done = darkroom("batch", "list.csv", "--out", "gray")

    assert done.exit_code == 1
    assert "2 of 3 saved" in done.stdout
    assert report()["https://x/refused.png"]["error"] == "SourceNotFound"
    assert [list(body) for body in api.batches.bodies] == [["sources"], ["manifest"]]

    again = darkroom("batch", "list.csv", "--out", "gray")

    assert again.exit_code == 1
    assert len(api.batches.views) == 1


def test_another_refusal_is_reported_unchanged(api: Api) -> None:
    error = {"error": {"code": "InvalidRequest", "message": "name: too long.", "field": "name"}}
    api.server.expect_oneshot_request("/dev/batches").respond_with_json(error, 400)

    done = darkroom("batch", folder("a.png"), "--out", "gray", "--name", "x")

    assert done.stderr == "name: too long.\n"


def test_items_that_a_cancelled_batch_never_ingested_are_in_the_report(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.batches.pace = 1

    def cancelled(*_: object) -> None:
        api.batches.end("b1", "CANCELLED")
        api.batches.items["b1"].pop()

    monkeypatch.setattr("darkroom.client.polling.Poll.rest", cancelled)

    done = darkroom("batch", folder("a.png", "b.png", "c.png"), "--out", "gray")

    assert done.exit_code == 1
    assert "CANCELLED  b1  1 COMPLETED  1 CANCELLED" in done.stdout
    rows = report()
    assert [rows[f"{name}.png"]["status"] for name in "abc"] == [
        "COMPLETED",
        "CANCELLED",
        "CANCELLED",
    ]
    assert rows["c.png"]["error"] == "NoTask"


def test_a_batch_that_failed_says_why(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    api.batches.pace = 0
    failure = {"error": "TooManyFailures", "message": "3 of 9 items failed."}

    def failed(*_: object) -> None:
        api.batches.end("b1", "FAILED", failure)

    monkeypatch.setattr("darkroom.client.polling.Poll.rest", failed)

    done = darkroom("batch", folder("a.png"), "--out", "gray")

    assert done.exit_code == 1
    assert "FAILED     b1  1 CANCELLED  TooManyFailures: 3 of 9 items failed." in done.stdout


@pytest.mark.usefixtures("api")
def test_a_result_that_cannot_be_saved_is_reported_and_the_rest_is_saved() -> None:
    Path("gray", "a.png", "in the way").mkdir(parents=True)

    done = darkroom("batch", folder("a.png", "b.png"), "--out", "gray")

    assert done.exit_code == 1
    assert saved() == {"b.png"}
    assert (report()["a.png"]["status"], report()["a.png"]["error"]) == ("COMPLETED", "NotSaved")


def test_an_expired_result_is_reported(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "result", lambda *_: None)

    assert darkroom("batch", folder("a.png"), "--out", "gray").exit_code == 1
    assert report()["a.png"]["message"] == "The task has no result, or its result has expired."


@pytest.mark.usefixtures("api")
def test_other_files_are_left_out_and_named() -> None:
    place = folder("a.png")
    (place / "notes.txt").write_text("notes")

    done = darkroom("batch", place, "--out", "gray")

    assert done.stdout.startswith("Files ignored because they are not images: 1.\n")
    assert done.stdout.splitlines()[1] == "  a text: notes.txt"
    assert done.exit_code == 0
    row = report()["notes.txt"]
    assert (row["status"], row["error"]) == ("IGNORED", "NotAnImage")
    assert row["message"].startswith("notes.txt is a text, by its extension")
    assert report().keys() == {"a.png", "notes.txt"}


def test_a_batch_is_shown_cancelled_and_tried_again_by_its_id(api: Api) -> None:
    darkroom("batch", folder("a.png"), "--out", "gray")

    assert darkroom("status", "--batch", "b1").stdout == "COMPLETED  b1  1 COMPLETED\n"
    assert json.loads(darkroom("status", "--batch", "b1", "--json").stdout)["batchId"] == "b1"
    assert darkroom("cancel", "--batch", "b1").stdout.startswith("CANCELLED  b1")
    assert darkroom("retry", "--batch", "b1").stdout.startswith("RUNNING    b1")
    assert api.batches.actions == ["cancel b1", "retry b1"]


@pytest.mark.parametrize("command", ["status", "cancel", "retry"])
@pytest.mark.parametrize("given", [(), ("t1", "--batch", "b1")])
@pytest.mark.usefixtures("api")
def test_either_tasks_or_a_batch(command: str, given: tuple[str, ...]) -> None:
    assert darkroom(command, *given).exit_code == 2
