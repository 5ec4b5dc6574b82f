"""The environment of a function as a typed value, read once when the function starts."""

import os
from dataclasses import dataclass

BASE_MEMORY = 150
"""MiB that Python, the SDK, Pillow and the processes of AWS use."""


def required(name: str) -> str:
    """Return an environment variable that template.yaml sets.

    Raises:
        RuntimeError: the variable is missing; the function cannot start.
    """
    value = os.environ.get(name)
    if not value:
        raise RuntimeError(f"The environment variable {name} is not set: see template.yaml.")
    return value


def memory_for_work() -> int:
    """Return the memory that this function may use for its work, in bytes: without `BASE_MEMORY`.

    Lambda kills a function that uses more than its `MemorySize`, without any warning.
    """
    return (int(required("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")) - BASE_MEMORY) * 2**20


@dataclass(frozen=True)
class Settings:
    """The variables that template.yaml sets for every function under `Globals`."""

    table_name: str
    bucket_name: str
    max_source_bytes: int
    max_pixels: int
    allow_private_sources: bool
    retention_days: int

    @classmethod
    def from_environment(cls) -> "Settings":
        """Read and check the environment.

        Raises:
            RuntimeError: a variable is missing.
            ValueError: a variable that must be a number is not one.
        """
        return cls(
            table_name=required("TABLE_NAME"),
            bucket_name=required("BUCKET_NAME"),
            max_source_bytes=int(required("MAX_SOURCE_BYTES")),
            max_pixels=int(required("MAX_PIXELS")),
            allow_private_sources=required("ALLOW_PRIVATE_SOURCES") == "true",
            retention_days=int(required("RETENTION_DAYS")),
        )
