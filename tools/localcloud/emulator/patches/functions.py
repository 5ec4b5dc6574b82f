"""Lambda functions in Python, run by AWS's own runtime client (awslambdaric) over HTTP.

ministack's own Python worker reports every exception as `Runtime.HandlerError` and runs the
function inside ministack's environment. For `provided.*` it speaks the real Runtime API, so a
Python function is run as such a one, with a bootstrap that starts the runtime client.
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

from tools.localcloud.emulator import processors
from tools.localcloud.emulator.patches.replacing import Function, replace

# The client reports a failed start through http.client, which takes host and port only. The address
# of our Runtime API has a path, too (see runtime_api), and here it is put before each endpoint.
START = """
import os, sys
sys.path[0] = os.getcwd()
from awslambdaric import __main__ as client

class Client(client.LambdaRuntimeClient):
    def __init__(self, address, *rest):
        host, _, self.place = address.partition("/")
        super().__init__(host, *rest)
    def call_rapid(self, method, endpoint, *rest):
        super().call_rapid(method, f"/{self.place}{endpoint}", *rest)

client.LambdaRuntimeClient = Client
client.main(sys.argv[1:])
"""
# -S: an environment for development links back to the checkout (an editable install), and from
# there a function could import what its package forgot.
BOOTSTRAP = f"""#!/bin/sh
exec "$DARKROOM_FUNCTION_PYTHON" -S -c {shlex.quote(START)} awslambdaric "$_HANDLER"
"""

# The packages of that interpreter's environment: what the runtime and the layers bring on AWS.
PACKAGES = os.environ["DARKROOM_FUNCTION_PACKAGES"]

# What runs the functions here, not what template.yaml asks for: the interpreter that made this
# environment, too. From 3.12 on the runtime client waits for each invocation in a new thread.
EXECUTION_ENVIRONMENT = f"AWS_Lambda_python{sys.version_info.major}.{sys.version_info.minor}"

# What a function inherits from the emulator's process; the rest is ministack's own business.
INHERITED = ("PATH", "HOME", "LANG", "TMPDIR", "DARKROOM_FUNCTION_PYTHON", "DARKROOM_LOCAL_CLOUD")

_layers = Path(tempfile.gettempdir()) / "layers"
_layers_lock = threading.Lock()


def apply() -> None:
    """Apply the patches of this module."""
    run_python_under_the_runtime_client()
    give_it_the_environment_of_a_function()
    name_the_error_of_a_failed_start()


def run_python_under_the_runtime_client() -> None:
    """Error names, messages and stack traces as AWS reports them.

    https://docs.aws.amazon.com/lambda/latest/dg/python-exceptions.html
    https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
    """

    def worker_class_for(original: Function) -> Function:
        def choose(config: dict[str, Any]) -> Any:
            return runtime.ProvidedWorker if _is_python(config) else original(config)

        return choose

    def execute(original: Function) -> Function:
        def run(func: dict[str, Any], event: Any, request_id: str) -> Any:
            if _is_python(func.get("config") or func):
                return lambda_svc._execute_function_provided_warm(func, event, request_id)
            return original(func, event, request_id)

        return run

    def code_dir(original: Function) -> Function:
        def extract(code_zip: bytes) -> str:
            folder: str = original(code_zip)
            # Under ministack's own lock: a file open for writing in a forked child cannot be run.
            with lambda_svc._provided_code_lock:
                bootstrap = Path(folder) / "bootstrap"
                if not bootstrap.exists():
                    bootstrap.write_text(BOOTSTRAP)
                    bootstrap.chmod(0o700)
            return folder

        return extract

    replace(runtime, "_worker_class_for", worker_class_for, has="ProvidedWorker")
    replace(lambda_svc, "_execute_function_warm", execute, has="acquire_worker")
    replace(lambda_svc, "_provided_runtime_code_dir", code_dir, has="_provided_code_lock")


def give_it_the_environment_of_a_function() -> None:
    """The variables that Lambda defines, the function's layers, and nothing of ministack's.

    Layers: /opt/python comes before the runtime's own packages, a later layer before an earlier.
    https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
    https://docs.aws.amazon.com/lambda/latest/dg/packaging-layers.html
    """

    def environment(original: Function) -> Function:
        def build(config: dict[str, Any], code_dir: str, port: int) -> dict[str, str]:
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
                # Else a log line comes after the answer that it belongs to.
                "PYTHONUNBUFFERED": "1",
                "TZ": ":UTC",
                **_log_settings(logging),
            }

        return build

    replace(lambda_svc, "_provided_worker_env", environment, has="proc_env = dict(os.environ)")


def name_the_error_of_a_failed_start() -> None:
    """`Runtime.ImportModuleError` and its like; ministack says `Runtime.Unknown` for all.

    https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html (initialization error)
    """

    def await_init(original: Function) -> Function:
        def wait(self: Any, init_timeout: float | None = None) -> None:
            if process := self._proc:  # else it was killed before it could begin
                processors.let_use_all(process.pid)
            try:
                original(self, init_timeout)
            except runtime.ProvidedInitTimeout:
                raise
            except RuntimeError as error:
                reported = self._init_error if isinstance(self._init_error, dict) else {}
                raise runtime.ProvidedRuntimeError(
                    reported.get("errorMessage", str(error)),
                    reported.get("errorType", "Runtime.ExitError"),
                ) from error

        return wait

    replace(runtime.ProvidedWorker, "_await_init", await_init, has="init error: ")


def _log_settings(logging: Mapping[str, str]) -> dict[str, str]:
    """Return the variables about logs. The level is INFO by default, and JSON's only.

    https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html
    """
    if logging.get("LogFormat") != "JSON":
        return {"AWS_LAMBDA_LOG_FORMAT": "Text"}
    level = logging.get("ApplicationLogLevel", "INFO")
    return {"AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": level}


def _is_python(config: dict[str, Any]) -> bool:
    return str(config.get("Runtime", "")).startswith("python")


def _layer_paths(config: dict[str, Any]) -> list[str]:
    """Extract a function's layers; return their package folders, the last layer's first."""
    runtime_name = str(config.get("Runtime", ""))
    folders = []
    for layer in reversed(config.get("Layers") or []):
        content = lambda_svc._resolve_layer_zip(layer)
        if content:
            python = _extracted(content) / "python"
            folders += [python / "lib" / runtime_name / "site-packages", python]
    return [str(folder) for folder in folders if folder.is_dir()]


def _extracted(content: bytes) -> Path:
    """Extract a layer once, by its content, and return its folder."""
    folder = _layers / hashlib.sha256(content).hexdigest()
    with _layers_lock:
        if not folder.is_dir():
            partial = folder.with_suffix(".partial")
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                lambda_svc._extract_zip_preserving_mode(archive, str(partial))
            partial.rename(folder)
    return folder
