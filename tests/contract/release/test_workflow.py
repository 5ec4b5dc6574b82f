"""The workflow has few permissions, stores no key, and runs the steps that are tested here."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.project import PROJECT
from tools.release.stages import stages

WORKFLOWS = sorted((PROJECT / ".github" / "workflows").glob("*.yaml"))
STAGES = ["dev", "staging", "prod"]


@pytest.fixture(scope="module")
def workflows() -> dict[str, Any]:
    # YAML 1.1 reads the key `on` as `true`.
    return {path.stem: yaml.safe_load(path.read_text()) for path in WORKFLOWS}


def steps(workflow: dict[str, Any]) -> list[dict[str, Any]]:
    return [step for job in workflow["jobs"].values() for step in job.get("steps", [])]


# ── The workflow ─────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_every_action_is_pinned_to_a_commit_and_says_its_version(path: Path):
    used = re.findall(r"uses: (\S+)(.*)", path.read_text())
    assert used
    for action, comment in used:
        if not action.startswith("$/"):  # this repository, at the commit that runs
            assert re.fullmatch(r"[\w.-]+/[\w.-]+@[0-9a-f]{40}", action), action
            assert re.fullmatch(r" # v\d+\.\d+\.\d+", comment), action


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_no_secret_is_used_and_no_key(path: Path):
    text = path.read_text()
    assert "secrets" not in text
    assert "access-key" not in text


def test_a_job_may_read_the_code_and_only_a_stage_may_ask_for_an_identity(workflows):
    for name, workflow in workflows.items():
        assert workflow["permissions"] == {}, name
        for job_name, job in workflow["jobs"].items():
            wanted = {"contents": "read"}
            if name == "stage" or "uses" in job:
                wanted["id-token"] = "write"
            assert job["permissions"] == wanted, job_name


def test_no_value_of_a_run_is_pasted_into_a_shell(workflows):
    for workflow in workflows.values():
        assert not [step["run"] for step in steps(workflow) if "${{" in step.get("run", "")]


def test_one_build_goes_through_the_stages_in_their_order(workflows):
    jobs = workflows["release"]["jobs"]
    assert list(jobs) == ["check", "build", *STAGES]
    assert list(stages()) == STAGES
    for earlier, later in zip(list(jobs), list(jobs)[1:], strict=False):
        assert jobs[later]["needs"] == earlier
    for stage in STAGES:
        assert jobs[stage]["with"] == {"stage": stage}
    commands = [step["run"] for step in steps(workflows["release"]) if "run" in step]
    assert commands == ["make lint", "make test", "make build"]
    up, down = (
        next(s["with"] for s in steps(workflows[name]) if kind in s.get("uses", ""))
        for name, kind in (("release", "upload-artifact"), ("stage", "download-artifact"))
    )
    assert (up["name"], up["path"]) == (down["name"], down["path"])


def test_a_stage_runs_the_step_that_make_pipeline_local_runs(workflows):
    job = workflows["stage"]["jobs"]["release"]
    commands = [step["run"] for step in job["steps"] if "run" in step]
    assert commands == ['make release STAGE="$STAGE" COMMIT="$GITHUB_SHA"']
    assert job["environment"] == "${{ inputs.stage }}"
    read = re.findall(
        r'environ\["(\w+)"\]', (PROJECT / "tools" / "release" / "accounts.py").read_text()
    )
    assert set(read) | {"STAGE"} == set(job["env"])
    makefile = (PROJECT / "Makefile").read_text()
    assert "python -m tools.release $(STAGE) $(COMMIT)" in makefile
    for module in ("__main__", "local"):
        code = (PROJECT / "tools" / "release" / f"{module}.py").read_text()
        assert "from tools.release.release import" in code
        assert " release(account" in code


def test_the_variables_of_an_environment_are_what_bootstrap_gives_out(bootstrap):
    reported = {
        o["Description"].removeprefix("The variable ") for o in bootstrap["Outputs"].values()
    }
    used = set(re.findall(r"vars\.(\w+)", WORKFLOWS[1].read_text()))
    assert used == reported | {"AWS_REGION"}
