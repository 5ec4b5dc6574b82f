"""A function runs as on Lambda, and its errors have the names that Lambda gives them."""

import base64
import json
import os
import sys
import threading
import time

import pytest
from botocore.exceptions import ClientError

from tests.support.cloud.minimal import (
    eventually,
    function,
    invoke,
    machine,
    needs_speedups,
    package,
    run,
    task,
)
from tests.support.ports import free_port
from tools.localcloud import processes
from tools.localcloud.cloud import LocalCloud

BROKEN = """
class SourceNotFound(Exception): ...

def handler(event, context):
    raise SourceNotFound("it answered 404")
"""


def test_an_exception_keeps_its_name_message_and_trace(cloud):
    error = invoke(cloud, function(cloud, BROKEN))

    assert error["errorType"] == "SourceNotFound"
    assert error["errorMessage"] == "it answered 404"
    assert "raise SourceNotFound" in error["stackTrace"][0]


def test_a_state_machine_sees_the_exceptions_name_and_the_whole_error_as_cause(cloud):
    ended = run(cloud, machine(cloud, {"Only": task(function(cloud, BROKEN))}))

    assert ended["error"] == "SourceNotFound"
    assert json.loads(ended["cause"])["errorMessage"] == "it answered 404"


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("import time\ndef handler(event, context): time.sleep(60)", "Sandbox.Timedout"),
        ("import os\ndef handler(event, context): os._exit(1)", "Runtime.ExitError"),
        ("import os, signal\ndef handler(e, c): os.kill(os.getpid(), 9)", "Runtime.ExitError"),
        ("import nowhere", "Runtime.ImportModuleError"),
        ("def handler(event, context)", "Runtime.UserCodeSyntaxError"),
        ("def another(event, context): ...", "Runtime.HandlerNotFound"),
    ],
)
def test_a_state_machine_sees_why_a_function_gave_no_answer(cloud, source, error):
    ended = run(cloud, machine(cloud, {"Only": task(function(cloud, source, Timeout=1))}))

    assert ended["error"] == error


def test_a_function_sees_its_own_environment_and_nothing_of_the_emulators(cloud):
    source = "import os\ndef handler(event, context): return dict(os.environ)"
    name = function(cloud, source, Environment={"Variables": {"TABLE_NAME": "Tasks"}})

    seen = invoke(cloud, name)

    assert seen["TABLE_NAME"] == "Tasks"
    assert seen["AWS_ENDPOINT_URL"] == cloud.endpoint_url
    version = ".".join(map(str, sys.version_info[:2]))
    assert seen["AWS_EXECUTION_ENV"] == f"AWS_Lambda_python{version}"
    assert seen["AWS_LAMBDA_LOG_GROUP_NAME"] == f"/aws/lambda/{name.rpartition(':')[2]}"
    assert not {"PERSIST_STATE", "GATEWAY_PORT", "STATE_DIR"} & seen.keys()


@pytest.mark.parametrize(
    ("settings", "format_and_level"),
    [
        ({"LogFormat": "Text"}, ("Text", None)),
        ({"LogFormat": "JSON"}, ("JSON", "INFO")),
        ({"LogFormat": "JSON", "ApplicationLogLevel": "DEBUG"}, ("JSON", "DEBUG")),
    ],
)
def test_a_function_gets_its_log_settings(cloud, settings, format_and_level):
    source = "import os\ndef handler(event, context): return dict(os.environ)"

    seen = invoke(cloud, function(cloud, source, LoggingConfig=settings | {"LogGroup": "/mine"}))

    log = tuple(seen.get(f"AWS_LAMBDA_LOG_{name}") for name in ("FORMAT", "LEVEL"))
    assert log == format_and_level
    assert seen["AWS_LAMBDA_LOG_GROUP_NAME"] == "/mine"


@needs_speedups
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a process be kept to one")
def test_the_emulator_uses_one_processor_and_its_functions_do_not(cloud):
    (emulator,) = processes.running(cloud.home, "tools.localcloud.emulator")
    source = "import os\ndef handler(event, context): return len(os.sched_getaffinity(0))"

    assert len(emulator.cpu_affinity()) == 1
    assert invoke(cloud, function(cloud, source)) == len(os.sched_getaffinity(0))


def test_a_function_imports_its_package_and_nothing_of_the_checkout(cloud):
    source = """
import importlib.util, app
def handler(event, context): return [importlib.util.find_spec(n) is None for n in ("app", "tools")]
"""
    assert invoke(cloud, function(cloud, source)) == [False, True]


def test_a_layer_comes_before_the_interpreters_packages_and_after_a_later_layer(cloud):
    client = cloud.client("lambda")
    layers = [
        client.publish_layer_version(LayerName=name, Content={"ZipFile": package(**modules)})
        for name, modules in {
            "first": {"python__rich": "ORIGIN = 'layer'", "python__both": "ORIGIN = 'first'"},
            "second": {"python__both": "ORIGIN = 'second'"},
        }.items()
    ]
    source = "import both, rich\ndef handler(event, context): return [rich.ORIGIN, both.ORIGIN]"
    name = function(cloud, source, Layers=[layer["LayerVersionArn"] for layer in layers])

    assert invoke(cloud, name) == ["layer", "second"]


def test_what_a_function_prints_is_in_its_answers_log(cloud):
    source = "def handler(event, context): [print('line', n) for n in range(300)]"

    answer = cloud.client("lambda").invoke(FunctionName=function(cloud, source), LogType="Tail")

    assert base64.b64decode(answer["LogResult"]).decode().splitlines()[-1] == "line 299"


def test_a_function_may_print_more_than_a_pipe_holds(cloud):
    source = """
def handler(event, context):
    for number in range(400):
        print(number, "x" * 1000)
"""
    name = function(cloud, source, Timeout=10)

    assert invoke(cloud, name) is None
    assert len(_lines(cloud, name)) == 400


def test_the_last_output_of_a_process_is_logged(cloud):
    source = "import os\ndef handler(event, context): print('farewell'); os._exit(1)"
    name = function(cloud, source)

    assert invoke(cloud, name)["errorType"] == "Runtime.ExitError"
    assert _lines(cloud, name) == ["farewell"]


def test_a_large_answer_arrives_completely(cloud):
    name = function(cloud, "def handler(event, context): return event['size'] * 'x'")

    assert invoke(cloud, name, {"size": 3_000_000}) == 3_000_000 * "x"


def _lines(cloud, name):
    """What a function has printed, without what Lambda adds."""
    group = f"/aws/lambda/{name.rpartition(':')[2]}"
    pages = cloud.client("logs").get_paginator("filter_log_events").paginate(logGroupName=group)
    lines = [event["message"].rstrip() for page in pages for event in page["events"]]
    return [line for line in lines if not line.startswith(("START", "END", "REPORT"))]


@needs_speedups
def test_a_warm_silent_function_answers_in_less_than_a_delayed_acknowledgement(cloud):
    name = function(cloud, "def handler(event, context): return 1")
    invoke(cloud, name)

    def duration() -> float:
        began = time.perf_counter()
        invoke(cloud, name)
        return time.perf_counter() - began

    # 40 ms without TCP_NODELAY, 50 ms with the wait for a log line. One of many: the machine that
    # runs this may be busy.
    eventually(lambda: duration() < 0.035)


HELD = """
import os, pathlib, time
def handler(event, context):
    folder = pathlib.Path(event["folder"])
    (folder / f"started-{event['n']}-{os.getpid()}").touch()
    while not (folder / "go").exists():
        time.sleep(0.01)
"""


def _start(cloud, name, folder, count):
    """Invoke a function that waits for the file `go` several times at once."""
    answers: list[object] = []

    def call(n: int) -> None:
        try:
            answers.append(invoke(cloud, name, {"folder": str(folder), "n": n}))
        except ClientError as error:
            answers.append(error.response["Error"]["Code"])

    threads = [threading.Thread(target=call, args=(n,)) for n in range(count)]
    for thread in threads:
        thread.start()
    return threads, answers


def test_a_burst_shares_two_processes_and_every_invocation_gets_its_turn(cloud, tmp_path):
    name = function(cloud, HELD, Timeout=120)
    threads, answers = _start(cloud, name, tmp_path, 6)
    eventually(lambda: len(list(tmp_path.glob("started-*"))) == 2)

    (tmp_path / "go").touch()
    for thread in threads:
        thread.join(timeout=120)

    assert answers == [None] * 6
    assert len({path.name.rpartition("-")[2] for path in tmp_path.glob("started-*")}) == 2


def test_invocations_that_only_wait_let_others_run(cloud, tmp_path):
    """As in AWS, where one caller's slow sources do not delay another caller's tasks."""
    name = function(cloud, HELD.replace("0.01", "0.2"), Timeout=120)
    threads, answers = _start(cloud, name, tmp_path, 6)

    eventually(lambda: len(list(tmp_path.glob("started-*"))) == 6, 30)
    (tmp_path / "go").touch()
    for thread in threads:
        thread.join(timeout=120)

    assert answers == [None] * 6


def test_waiting_invocations_count_against_the_accounts_concurrency(tmp_path):
    cloud = LocalCloud(tmp_path / "home", free_port())
    cloud.start(LAMBDA_ACCOUNT_CONCURRENCY="3", LAMBDA_WARM_TTL_SECONDS="1")
    try:
        name = function(cloud, HELD, Timeout=120)
        threads, answers = _start(cloud, name, tmp_path, 4)
        eventually(lambda: len(answers) == 1)
        throttled = run(cloud, machine(cloud, {"Only": task(name)}))
        (tmp_path / "go").touch()
        for thread in threads:
            thread.join(timeout=120)

        # Two run, the third waits, the fourth is one too many.
        assert answers == ["TooManyRequestsException", None, None, None]
        assert throttled["error"] == "Lambda.TooManyRequestsException"
    finally:
        cloud.stop()


def test_an_idle_function_has_no_process_in_the_end(tmp_path):
    cloud = LocalCloud(tmp_path, free_port())
    cloud.start(LAMBDA_WARM_TTL_SECONDS="1")
    try:
        invoke(cloud, function(cloud, "def handler(event, context): ..."))
        assert len(processes.marked(tmp_path)) == 2

        # ministack looks every thirty seconds.
        eventually(lambda: len(processes.marked(tmp_path)) == 1, seconds=45)
    finally:
        cloud.stop()
