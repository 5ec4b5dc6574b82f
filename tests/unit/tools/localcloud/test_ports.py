"""Each checkout finds a free port and keeps it."""

import json
from pathlib import Path

import pytest

from tools.localcloud import ports


@pytest.fixture(autouse=True)
def no_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ports.VARIABLE, raising=False)


def test_two_checkouts_begin_their_search_at_different_ports() -> None:
    homes = [Path(f"/src/checkout-{number}/.local") for number in range(20)]

    assert len({ports.kept(home) for home in homes}) == 20
    assert all(20_000 <= ports.kept(home) < 30_000 for home in homes)
    assert ports.kept(homes[0]) == ports.kept(homes[0])


def test_a_port_is_kept(tmp_path: Path) -> None:
    ports.keep(tmp_path, 24_567)

    assert ports.kept(tmp_path) == 24_567


def test_a_checkout_of_before_keeps_the_port_of_its_stack(tmp_path: Path) -> None:
    stack = {"endpointUrl": "http://127.0.0.1:4599"}
    (tmp_path / "stack.json").write_text(json.dumps(stack))

    assert ports.kept(tmp_path) == 4599


@pytest.mark.parametrize("text", ["", "many", "{}"])
def test_a_port_that_cannot_be_read_is_chosen_again(tmp_path: Path, text: str) -> None:
    chosen = ports.kept(tmp_path)
    (tmp_path / "port").write_text(text)
    (tmp_path / "stack.json").write_text(text)

    assert ports.kept(tmp_path) == chosen


def test_the_environment_has_precedence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ports.keep(tmp_path, 24_567)
    monkeypatch.setenv(ports.VARIABLE, "4599")

    assert ports.kept(tmp_path) == 4599


@pytest.mark.parametrize("text", ["0", "65536", "-1", "4599a", "4_599", " 4599"])
def test_a_variable_that_is_not_a_port_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv(ports.VARIABLE, text)

    with pytest.raises(ports.WrongPort, match=r"Set it to a number from 1 to 65535\."):
        ports.kept(tmp_path)


def test_a_replacement_is_free(tmp_path: Path) -> None:
    wanted = ports.kept(tmp_path)
    taken = {wanted, wanted + 1}

    assert ports.replacement(tmp_path, taken.__contains__) not in taken


def test_the_urls_of_queues_follow_the_port(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    (state / "sqs.json").write_text('{"http://localhost:4599/000000000000/q": {}}')
    (state / "dynamodb.json").write_text('"http://localhost:4599/000000000000/a.png"')
    ports.keep(tmp_path, 4599)

    ports.correct_state(tmp_path, 23_456)  # the start fails, because somebody was faster
    ports.correct_state(tmp_path, 24_567)

    assert (state / "sqs.json").read_text() == '{"http://localhost:24567/000000000000/q": {}}'
    assert "4599" in (state / "dynamodb.json").read_text()


def test_the_state_of_a_port_that_stays_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    path = tmp_path / "state" / "sqs.json"
    path.write_text("http://localhost:4599/")
    before = path.stat().st_ino

    ports.correct_state(tmp_path, 4599)  # it was never started before
    ports.keep(tmp_path, 4599)
    ports.correct_state(tmp_path, 4599)

    assert path.stat().st_ino == before
