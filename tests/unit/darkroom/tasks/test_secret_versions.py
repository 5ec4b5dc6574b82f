"""A rotation lets two secrets sign for a day, then only the new one."""

import datetime
import time
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from darkroom.aws.dynamodb import Table
from darkroom.events.model import secret_text, signed
from darkroom.tasks.secret_versions import (
    GRACE,
    MAX_PREVIOUS,
    SecretVersions,
    TooManyRotations,
    Versions,
)
from tests.support.fakes.aws import TABLE, FakeAws

NOW = datetime.datetime(2026, 11, 26, 9, 0, tzinfo=datetime.UTC)
MOMENT = datetime.timedelta(milliseconds=1)


@pytest.fixture
def versions(aws: FakeAws) -> SecretVersions:  # noqa: ARG001 - the table exists
    return SecretVersions(Table(TABLE))


def test_a_caller_who_never_rotated_has_one_secret(versions: SecretVersions) -> None:
    assert versions.of("me", NOW) == Versions(1)
    assert versions.of("me", NOW).previous_until is None


def test_both_sign_for_a_day_and_then_only_the_new_one(versions: SecretVersions) -> None:
    rotated = versions.rotate("me", NOW)

    assert rotated.signing == [2, 1]
    assert versions.of("me", NOW + GRACE - MOMENT).signing == [2, 1]
    assert versions.of("me", NOW + GRACE).signing == [2]
    assert versions.of("somebody else", NOW).signing == [1]


@pytest.mark.parametrize(("after", "accepted"), [(GRACE - MOMENT, [1, 2]), (GRACE, [2])])
def test_the_reference_library_accepts_the_secrets_that_are_in_use(
    versions: SecretVersions, after: datetime.timedelta, accepted: list[int]
) -> None:
    def secret(version: int) -> bytes:
        return bytes([version]) * 32

    versions.rotate("me", NOW)
    signing = [secret(each) for each in versions.of("me", NOW + after).signing]
    headers = signed("task-1", b"{}", signing, int(time.time()))

    for version in (1, 2):
        receiver = Webhook(secret_text(secret(version)))
        if version in accepted:
            assert receiver.verify(b"{}", headers) == {}
        else:
            with pytest.raises(WebhookVerificationError):
                receiver.verify(b"{}", headers)


def test_a_second_rotation_within_the_day_keeps_the_secret_that_receivers_have(
    versions: SecretVersions,
) -> None:
    """The response to the first one may have been lost."""
    versions.rotate("me", NOW)
    hour = datetime.timedelta(hours=1)

    assert versions.rotate("me", NOW + hour).signing == [3, 2, 1]
    assert versions.of("me", NOW + GRACE).signing == [3, 2]
    assert versions.of("me", NOW + GRACE + hour).signing == [3]


def test_the_number_of_signatures_is_limited(versions: SecretVersions) -> None:
    for _ in range(MAX_PREVIOUS):
        versions.rotate("me", NOW)

    with pytest.raises(TooManyRotations):
        versions.rotate("me", NOW)

    assert versions.of("me", NOW).current == MAX_PREVIOUS + 1
    assert versions.rotate("me", NOW + GRACE).signing == [MAX_PREVIOUS + 2, MAX_PREVIOUS + 1]


def test_two_rotations_at_the_same_time_return_the_same_secret(
    versions: SecretVersions, monkeypatch: pytest.MonkeyPatch
) -> None:
    of = versions.of

    def then_another_rotates(owner: str, now: datetime.datetime) -> Any:
        found = of(owner, now)
        monkeypatch.undo()
        versions.rotate(owner, now)
        return found

    monkeypatch.setattr(versions, "of", then_another_rotates)

    assert versions.rotate("me", NOW).signing == [2, 1]
    assert versions.of("me", NOW).current == 2
