"""The commands in the README do what it says."""

import re
from pathlib import Path

import pytest
from PIL import Image

from darkroom.client import Darkroom
from tests.support.cloud.stacks import Stack
from tests.support.project import PROJECT


def test_the_program_in_the_readme_converts_the_card(
    standard: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    [program] = re.findall(r"```python\n(.*?)```", (PROJECT / "README.md").read_text(), re.DOTALL)
    (tmp_path / "docs").symlink_to(PROJECT / "docs")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")

    exec(  # noqa: S102 - our own README
        program,
        {"api_url": standard.description["apiUrl"], "api_key": standard.description["apiKey"]},
    )

    with Image.open(tmp_path / "card-gray.png") as gray, Image.open(PROJECT / "docs/card.png") as c:
        assert gray.mode == "L"
        assert gray.size == c.size


def test_the_client_reports_a_failure_and_respects_its_time_limit(standard: Stack):
    with Darkroom(
        standard.description["apiUrl"], standard.description["apiKey"], proxies=False
    ) as darkroom:
        lost = darkroom.submit({"uploadId": "5b0c2f9e-6c1c-4f0e-9d5e-2f1f4a3b7c8d"}, "lost")
        ended = darkroom.wait([lost["taskId"]], 60)[lost["taskId"]]
        assert ended["failure"] is not None
        assert ended["failure"]["error"] == "SourceNotFound"
        again = darkroom.retry(lost["taskId"], 1)
        assert (again["attempt"], again["status"]) == (2, "PENDING")
