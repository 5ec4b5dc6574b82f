import json
import os
import stat
from pathlib import Path

import pytest

from tools.localcloud import private


@pytest.fixture(autouse=True)
def generous_umask() -> object:
    """Files can be read by everybody, unless they are written as private."""
    before = os.umask(0)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_only_its_owner_can_read_a_private_file_even_if_it_existed_before(tmp_path: Path) -> None:
    path = tmp_path / "stack.json"
    for left in (path, tmp_path / "stack.partial"):
        left.write_text("left by somebody")
        left.chmod(0o666)

    private.write(path, "secret")

    assert path.read_text() == "secret"
    assert mode(path) == 0o600
    assert [left.name for left in tmp_path.iterdir()] == ["stack.json"]


def test_a_program_that_opened_the_file_before_cannot_read_the_secret(tmp_path: Path) -> None:
    partial = tmp_path / "stack.partial"
    partial.touch()
    with partial.open() as held:
        private.write(tmp_path / "stack.json", "secret")

        assert held.read() == ""


def test_a_folder_that_others_could_read_becomes_private(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir(0o777)

    assert mode(private.make_folder(tmp_path / "state")) == 0o700
    assert mode(private.make_folder(tmp_path / "new" / "one")) == 0o700


def test_credentials_are_for_their_owner_and_never_the_same_twice(tmp_path: Path) -> None:
    assert not private.Credentials.exist(tmp_path)
    private.Credentials.create(tmp_path)
    first = private.Credentials.load(tmp_path)
    private.Credentials.create(tmp_path)
    second = private.Credentials.load(tmp_path)

    assert private.Credentials.exist(tmp_path)
    assert mode(tmp_path / "credentials.json") == 0o600
    assert first.access_key_id != second.access_key_id
    assert first.secret_access_key != second.secret_access_key
    assert len(first.secret_access_key) == 40
    assert first.access_key_id.isalnum()
    assert not first.access_key_id.isdecimal()


def test_credentials_do_not_show_their_secret(tmp_path: Path) -> None:
    private.Credentials.create(tmp_path)
    credentials = private.Credentials.load(tmp_path)

    assert json.loads((tmp_path / "credentials.json").read_text()) == vars(credentials)
    assert credentials.secret_access_key not in repr(credentials)
