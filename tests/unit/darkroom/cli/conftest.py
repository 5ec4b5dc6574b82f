"""A folder and an API for the command line."""

from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer

from tests.support.fakes.api import Api
from tests.support.project import PROJECT


@pytest.fixture
def api(httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Api:
    # Programs that a test starts also import this checkout.
    monkeypatch.setenv("PYTHONPATH", str(PROJECT))
    monkeypatch.chdir(tmp_path)
    return Api(httpserver, monkeypatch)
