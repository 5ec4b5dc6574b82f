"""Addresses for a stack in AWS, where this machine cannot be reached."""

import io
import time
import zipfile
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError

from darkroom.events.model import secret_text, signed
from tools.accept import receiver, sites, subject
from tools.accept.report import Broken, NotChecked

URL = "https://abc.lambda-url.eu-central-1.on.aws/"


class Functions:
    """Lambda, as far as the receiver needs it."""

    exceptions = SimpleNamespace(ClientError=ClientError)

    def __init__(self, refused: str = "") -> None:
        self.refused, self.calls, self.created = refused, [], {}

    def __getattr__(self, name: str) -> Any:
        def call(**arguments: Any) -> Any:
            self.calls.append(name)
            if name == self.refused:
                raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, name)
            if name == "create_function":
                self.created = arguments
            return {"Role": "arn:of-the-page", "FunctionUrl": URL}

        return call

    def get_waiter(self, name: str) -> Any:
        return SimpleNamespace(wait=lambda **_: self.calls.append(name))


@pytest.fixture
def reach(make_subject, monkeypatch):
    """Open the receiver of a stack in AWS; it also answers requests without a signature."""
    monkeypatch.setattr(subject, "PAUSE", 0.0)
    monkeypatch.setattr(sites, "URL_SECONDS", 0.05)
    monkeypatch.setattr(sites, "secret_of", lambda _: "whsec_AAAA")

    def open_receiver(functions: Functions, status: int = receiver.REFUSED):
        transport = httpx.MockTransport(lambda _: httpx.Response(status))
        found = make_subject({"lambda": functions}, http=httpx.Client(transport=transport))
        found.deployment = SimpleNamespace(
            of_type=lambda _: {"PageFunction": "darkroom-dev-PageFunction-1A"}
        )
        return sites.receiver_of(found, sites.Sites("http://127.0.0.1/"))

    return open_receiver


def test_the_receiver_has_the_role_of_the_page_a_public_url_and_is_deleted(reach):
    functions = Functions()
    with reach(functions) as url:
        assert url == URL
        assert "delete_function" not in functions.calls
    assert functions.created["Role"] == "arn:of-the-page"
    assert functions.created["FunctionName"].startswith("darkroom-dev-accept-")
    with zipfile.ZipFile(io.BytesIO(functions.created["Code"]["ZipFile"])) as archive:
        assert archive.namelist() == ["receiver.py"]
    assert functions.calls.count("add_permission") == 2
    assert functions.calls[-1] == "delete_function"


def test_a_receiver_without_permission_is_not_a_failure_of_the_stack(reach):
    with (
        pytest.raises(NotChecked, match="no receiver could be made"),
        reach(Functions("create_function")),
    ):
        pass


@pytest.mark.parametrize("refused", ["create_function_url_config", "add_permission"])
def test_what_was_made_is_deleted_although_the_rest_failed(reach, refused):
    functions = Functions(refused)
    with pytest.raises(NotChecked), reach(functions):
        pass
    assert functions.calls[-1] == "delete_function"


def test_a_receiver_that_accepts_a_forged_webhook_proves_nothing(reach):
    functions = Functions()
    with (
        pytest.raises(Broken, match="refuses a webhook without a signature"),
        reach(functions, receiver.VERIFIED),
    ):
        pass
    assert functions.calls[-1] == "delete_function"


def test_in_aws_the_sources_need_no_server_of_somebody_else(make_subject):
    with sites.sites_of(make_subject()) as found:
        assert found.address("blocked") == "http://127.0.0.1:80/picture.png"
        assert found.address("forbidden") == "https://api.example.com/v1/tasks"
        assert ".invalid/" in found.address("unavailable")
        with pytest.raises(NotChecked, match="too many bytes"):
            found.address("too_large")


def test_a_local_stack_that_fetches_from_no_private_address_cannot_reach_the_server(make_subject):
    with sites.sites_of(make_subject(local=True)) as found:
        assert found.address("blocked") == "http://127.0.0.1:4599/picture.png"
        with pytest.raises(NotChecked, match="AllowPrivateSources"):
            found.address("unavailable")


def test_the_server_of_the_local_cloud_answers_what_each_path_says(make_subject, monkeypatch):
    monkeypatch.setattr(sites, "secret_of", lambda _: secret_text(b"a key"))
    local = make_subject(local=True)
    local.parameters = {**local.parameters, "AllowPrivateSources": "true"}
    with sites.sites_of(local) as found, httpx.Client(trust_env=False) as http:
        statuses = [
            http.get(found.address(name)).status_code for name in ("unavailable", "forbidden")
        ]
        with http.stream("GET", found.address("too_large")) as large:
            announced = large.headers["Content-Length"]
        with sites.receiver_of(local, found) as url:
            body = b'{"type":"task.completed"}'
            headers = signed("task-1", body, [b"a key"], int(time.time()))
            webhooks = [
                http.post(url, content=content, headers=headers).status_code
                for content in (body, b"forged")
            ]

    assert statuses == [503, 403]
    assert announced == "5001"
    assert webhooks == [receiver.VERIFIED, receiver.REFUSED]
