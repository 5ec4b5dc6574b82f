import signal
import subprocess
import sys
from pathlib import Path
from unittest import mock

import pytest

from darkroom.client import Darkroom, Unreachable
from darkroom.client.batches import Batches
from tests.support.batch_folders import folder, saved
from tests.support.fakes.api import Api, darkroom


def test_the_same_command_again_is_the_same_batch(api: Api) -> None:
    place = folder("a.png", "b.png", "broken.jpg")
    darkroom("batch", place, "--out", "gray")
    Path("gray", "a.png").unlink()
    asked = len(api.server.log)

    again = darkroom("batch", place, "--out", "gray")

    assert again.exit_code == 1
    assert saved() == {"a.png", "b.png"}
    assert len(api.batches.bodies) == 1
    fetched = [r for r, _ in api.server.log[asked:] if r.path in {"/results", "/dev/uploads"}]
    assert len(fetched) == 1


def test_after_a_retry_the_same_command_saves_the_rest(api: Api) -> None:
    place = folder("a.png", "broken.png")
    assert darkroom("batch", place, "--out", "gray").exit_code == 1

    retried = darkroom("retry", "--batch", "b1")
    again = darkroom("batch", place, "--out", "gray")

    assert retried.stdout.split()[:2] == ["RUNNING", "b1"]
    assert again.exit_code == 0, again.stderr
    assert saved() == {"a.png", "broken.png"}
    assert len(api.batches.bodies) == 1


def test_a_changed_source_or_option_is_another_batch(api: Api) -> None:
    place = folder("a.png")
    darkroom("batch", place, "--out", "gray")
    folder("b.png")

    darkroom("batch", place, "--out", "gray")
    darkroom("batch", place, "--out", "gray", "--quality", "5")

    assert [len(body["sources"]) for body in api.batches.bodies] == [1, 2, 2]
    assert api.batches.bodies[2]["output"] == {"quality": 5}


def test_a_batch_that_the_api_no_longer_has_is_submitted_again(api: Api) -> None:
    place = folder("a.png")
    darkroom("batch", place, "--out", "gray")
    gone = {"error": {"code": "BatchNotFound", "message": "There is no such batch."}}
    api.server.expect_oneshot_request("/dev/batches/b1").respond_with_json(gone, 404)

    assert darkroom("batch", place, "--out", "gray").exit_code == 0
    assert len(api.batches.bodies) == 2


def test_a_request_without_an_answer_is_repeated_with_the_same_key(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = folder("a.png")
    submit = Batches.submit

    def interrupted(*arguments: object, **options: object) -> None:
        submit(*arguments, **options)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Batches, "submit", interrupted)
        first = darkroom("batch", place, "--out", "gray")
    again = darkroom("batch", place, "--out", "gray")

    assert first.exit_code == 130
    assert first.stderr.startswith("The batch may have been submitted. Run the same command again")
    assert again.exit_code == 0
    assert len(api.batches.views) == 1
    assert len(api.uploads) == 1


def test_ctrl_c_says_how_to_go_on_and_the_same_command_does(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = folder("a.png", "b.png", "c.png")
    api.batches.pace = 1
    changes = iter([None, KeyboardInterrupt])
    poll = mock.Mock(side_effect=changes)
    with monkeypatch.context() as patched:
        patched.setattr("darkroom.client.polling.Poll.rest", poll)
        stopped = darkroom("batch", place, "--out", "gray")
    assert not Path("gray", "report.csv").exists()

    again = darkroom("batch", place, "--out", "gray")

    assert stopped.exit_code == 130
    reported = "Batch b1 continues. Run the same command again to save the rest, or stop it: "
    assert stopped.stderr.startswith(reported + "darkroom cancel --batch b1\n")
    assert again.exit_code == 0
    assert saved() == {"a.png", "b.png", "c.png"}
    assert len(api.batches.bodies) == 1


def test_a_real_ctrl_c_ends_it_soon(api: Api) -> None:
    place = folder(*(f"{number}.png" for number in range(20)))
    api.batches.pace = 0
    program = Path(sys.executable).with_name("darkroom")
    # If tests run in the background of a shell, every process that they start would ignore Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)

    with subprocess.Popen(
        [program, "batch", place, "--out", "gray"], stderr=subprocess.PIPE, text=True
    ) as running:
        assert api.batches.shown.wait(60)
        running.send_signal(signal.SIGINT)
        _, reported = running.communicate(timeout=120)

    assert running.returncode == 130
    assert reported.startswith("Batch b1 continues. Run the same command again to save the rest, ")


def test_an_api_that_does_not_answer_any_more_leaves_the_batch_as_ctrl_c_does(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = Unreachable("127.0.0.1 does not answer.")
    monkeypatch.setattr(Batches, "as_ended", mock.Mock(side_effect=lost))

    done = darkroom("--region", "eu-west-1", "batch", folder("a.png"), "--out", "gray")

    assert done.exit_code == 1
    going_on, why = done.stderr.splitlines()
    assert going_on.startswith("Batch b1 continues.")
    assert going_on.endswith("darkroom --region eu-west-1 cancel --batch b1")
    assert why == "127.0.0.1 does not answer."
    assert len(api.batches.bodies) == 1


def test_ctrl_c_while_uploading_submits_nothing(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Darkroom, "upload", mock.Mock(side_effect=KeyboardInterrupt))

    done = darkroom("batch", folder("a.png", "b.png"), "--out", "gray")

    assert done.exit_code == 130
    assert done.stderr.startswith("Nothing was submitted.\n")
    assert api.batches.bodies == []
