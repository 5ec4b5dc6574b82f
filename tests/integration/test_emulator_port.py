"""Nobody but this machine's own programs and pages uses the emulator's port."""

import httpx
import psutil
import pytest

from local import processes
from small import function, invoke


def _status(cloud, method="GET", **headers):
    # The one path that answers without a signature.
    url = f"{cloud.endpoint_url}/_ministack/ready"
    return httpx.request(method, url, headers=headers).status_code


@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
@pytest.mark.parametrize("origin", ["http://evil.example", "https://127.0.0.1", "null"])
def test_a_page_of_another_origin_is_refused(cloud, method, origin):
    assert _status(cloud, method, Origin=origin) == 403


def test_a_page_of_another_site_is_refused(cloud):
    assert _status(cloud, **{"Sec-Fetch-Site": "cross-site"}) == 403


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "localhost.", "[::2]"])
def test_a_foreign_host_is_refused(cloud, host):
    assert _status(cloud, Host=host) == 403
    assert _status(cloud, Host=f"{host}:{cloud.port}") == 403


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
def test_a_program_of_this_machine_is_served(cloud, host):
    assert _status(cloud, Host=host) == 200
    assert _status(cloud, Host=f"{host}:{cloud.port}") == 200


def test_a_page_of_the_emulator_itself_is_served(cloud):
    assert _status(cloud, Origin=cloud.endpoint_url) == 200


def test_nothing_listens_but_on_127_0_0_1(cloud):
    invoke(cloud, function(cloud, "def handler(event, context): ..."))

    listening = {
        connection.laddr.ip
        for process in processes.marked(cloud.home)
        for connection in process.net_connections()
        if connection.status in (psutil.CONN_LISTEN, psutil.CONN_NONE)
    }

    assert listening == {"127.0.0.1"}
