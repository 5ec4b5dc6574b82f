import dataclasses

import pytest

from darkroom.runtime.settings import Settings, required

COMPLETE = {
    "TABLE_NAME": "tasks",
    "BUCKET_NAME": "files",
    "MAX_SOURCE_BYTES": "52428800",
    "MAX_PIXELS": "100000000",
    "ALLOW_PRIVATE_SOURCES": "false",
    "RETENTION_DAYS": "30",
}


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in COMPLETE.items():
        monkeypatch.setenv(name, value)


def test_the_environment_is_read_as_typed_values() -> None:
    assert dataclasses.asdict(Settings.from_environment()) == {
        "table_name": "tasks",
        "bucket_name": "files",
        "max_source_bytes": 52428800,
        "max_pixels": 100000000,
        "allow_private_sources": False,
        "retention_days": 30,
    }


@pytest.mark.parametrize("name", COMPLETE)
@pytest.mark.parametrize("value", [None, ""])
def test_a_missing_variable_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str | None
) -> None:
    monkeypatch.delenv(name) if value is None else monkeypatch.setenv(name, value)

    with pytest.raises(RuntimeError, match=f"{name} is not set: see template.yaml"):
        Settings.from_environment()


@pytest.mark.parametrize("name", ["MAX_SOURCE_BYTES", "MAX_PIXELS", "RETENTION_DAYS"])
def test_an_invalid_number_stops_the_function(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "many")

    with pytest.raises(ValueError, match="many"):
        Settings.from_environment()


@pytest.mark.parametrize("value", ["false", "True", "1", "yes", "TRUE", "true "])
def test_only_true_allows_private_sources(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("ALLOW_PRIVATE_SOURCES", value)
    assert not Settings.from_environment().allow_private_sources

    monkeypatch.setenv("ALLOW_PRIVATE_SOURCES", "true")
    assert Settings.from_environment().allow_private_sources


def test_settings_do_not_change() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Settings.from_environment().max_pixels = 1  # type: ignore[misc]


def test_a_variable_that_is_there_is_returned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOMETHING", "value")

    assert required("SOMETHING") == "value"
