"""Lambda: Python functions run under AWS's own runtime client (awslambdaric) over HTTP.

ministack's own Python worker reports every exception as `Runtime.HandlerError` and runs the
function in ministack's environment. For `provided.*` runtimes ministack implements the real Runtime
API. So a Python function is run as one of those, with a bootstrap that starts the runtime client.

Differences from AWS: docs/aws-differences.md, "Lambda".
"""

import hashlib
import io
import os
import shlex
import sys
import tempfile
import threading
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ministack.core import lambda_runtime as runtime
from ministack.services import lambda_svc

from tools.localcloud.emulator.replacing import Function, replaces

# The client reports a failed start through http.client, which accepts only host and port. The
# address of our Runtime API also has a path (see `runtime_api`), which is added to each endpoint.
START = """
import os, sys
sys.path[0] = os.getcwd()
from awslambdaric import __main__ as client

class Client(client.LambdaRuntimeClient):
    def __init__(self, address, *rest):
        host, _, self.prefix = address.partition("/")
        super().__init__(host, *rest)
    def call_rapid(self, method, endpoint, *rest):
        super().call_rapid(method, f"/{self.prefix}{endpoint}", *rest)

client.LambdaRuntimeClient = Client
client.main(sys.argv[1:])
"""
# -S: a development environment contains an editable install of this checkout. With it, a function
# could import modules that are missing in its package.
BOOTSTRAP = f"""#!/bin/sh
exec "$DARKROOM_FUNCTION_PYTHON" -S -c {shlex.quote(START)} awslambdaric "$_HANDLER"
"""

# The packages of that interpreter's environment. On AWS they come from the runtime and the layers.
PACKAGES = os.environ["DARKROOM_FUNCTION_PACKAGES"]

# The interpreter that runs the functions here, not the runtime that template.yaml requests. From
# 3.12 on, the runtime client waits for each invocation in a new thread.
EXECUTION_ENVIRONMENT = f"AWS_Lambda_python{sys.version_info.major}.{sys.version_info.minor}"

# The variables that a function inherits from the emulator's process.
INHERITED = ("PATH", "HOME", "LANG", "TMPDIR", "DARKROOM_FUNCTION_PYTHON", "DARKROOM_LOCAL_CLOUD")

_layers = Path(tempfile.gettempdir()) / "layers"
_layers_lock = threading.Lock()


@replaces(runtime, "_worker_class_for", has="ProvidedWorker")
def run_python_under_the_runtime_client(original: Function, config: dict[str, Any]) -> Any:
    """Report error names, messages and stack traces as AWS does.

    https://docs.aws.amazon.com/lambda/latest/dg/python-exceptions.html
    https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
    """
    return runtime.ProvidedWorker if _is_python(config) else original(config)


@replaces(lambda_svc, "_execute_function_warm", has="acquire_worker")
def execute_python_as_provided(
    original: Function, func: dict[str, Any], event: Any, request_id: str
) -> Any:
    """Run a Python function as one of a `provided.*` runtime."""
    if _is_python(func.get("config") or func):
        return lambda_svc._execute_function_provided_warm(func, event, request_id)
    return original(func, event, request_id)


@replaces(lambda_svc, "_provided_runtime_code_dir", has="_provided_code_lock")
def add_the_bootstrap(original: Function, code_zip: bytes) -> str:
    """Write the bootstrap that starts the runtime client into the folder of a function's code."""
    folder: str = original(code_zip)
    # A process that is forked now would inherit the open file, and Linux runs no file that is open
    # for writing. ministack forks with this lock.
    with lambda_svc._provided_code_lock:
        bootstrap = Path(folder) / "bootstrap"
        if not bootstrap.exists():
            bootstrap.write_text(BOOTSTRAP)
            bootstrap.chmod(0o700)
    return folder


@replaces(lambda_svc, "_provided_worker_env", has="proc_env = dict(os.environ)")
def set_the_environment_of_a_function(
    original: Function, config: dict[str, Any], code_dir: str, port: int
) -> dict[str, str]:
    """Set the variables that Lambda defines and the function's layers, and none of ministack's.

    Layers come before the runtime's packages, and a later layer before an earlier one.
    https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
    https://docs.aws.amazon.com/lambda/latest/dg/packaging-layers.html
    """
    given: dict[str, str] = original(config, code_dir, port)
    own = lambda_svc._runtime_env_vars(config)
    foreign = os.environ.keys() - set(INHERITED) - own.keys()
    kept = {k: v for k, v in given.items() if k not in foreign or k.startswith("AWS_")}
    name, logging = config.get("FunctionName", "unknown"), config.get("LoggingConfig") or {}
    return kept | {
        "AWS_EXECUTION_ENV": EXECUTION_ENVIRONMENT,
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": logging.get("LogGroup", f"/aws/lambda/{name}"),
        "PYTHONPATH": os.pathsep.join([*_layer_paths(config), PACKAGES]),
        # Otherwise a log line could arrive after the answer of its invocation.
        "PYTHONUNBUFFERED": "1",
        "TZ": ":UTC",
        **_log_settings(logging),
    }


@replaces(runtime.ProvidedWorker, "_await_init", has="init error: ")
def report_the_error_of_a_failed_start(
    original: Function, worker: Any, init_timeout: float | None = None
) -> None:
    """Report `Runtime.ImportModuleError` and similar. ministack reports `Runtime.Unknown` for all.

    https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html (initialization error)
    """
    try:
        original(worker, init_timeout)
    except runtime.ProvidedInitTimeout:
        raise
    except RuntimeError as error:
        reported = worker._init_error if isinstance(worker._init_error, dict) else {}
        raise runtime.ProvidedRuntimeError(
            reported.get("errorMessage", str(error)),
            reported.get("errorType", "Runtime.ExitError"),
        ) from error


def _log_settings(logging: Mapping[str, str]) -> dict[str, str]:
    """Return the variables for logs. Only JSON has a level, INFO by default.

    https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html
    """
    if logging.get("LogFormat") != "JSON":
        return {"AWS_LAMBDA_LOG_FORMAT": "Text"}
    level = logging.get("ApplicationLogLevel", "INFO")
    return {"AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": level}


def _is_python(config: dict[str, Any]) -> bool:
    return str(config.get("Runtime", "")).startswith("python")


def _layer_paths(config: dict[str, Any]) -> list[str]:
    """Extract a function's layers and return their package folders, the last layer first."""
    runtime_name = str(config.get("Runtime", ""))
    folders = []
    for layer in reversed(config.get("Layers") or []):
        content = lambda_svc._resolve_layer_zip(layer)
        if content:
            python = _extracted(content) / "python"
            folders += [python / "lib" / runtime_name / "site-packages", python]
    return [str(folder) for folder in folders if folder.is_dir()]


def _extracted(content: bytes) -> Path:
    """Extract a layer unless it was extracted before, and return its folder."""
    folder = _layers / hashlib.sha256(content).hexdigest()
    with _layers_lock:
        if not folder.is_dir():
            partial = folder.with_suffix(".partial")
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                lambda_svc._extract_zip_preserving_mode(archive, str(partial))
            partial.rename(folder)
    return folder
