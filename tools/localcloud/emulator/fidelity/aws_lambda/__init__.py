"""Lambda: processes of functions, the Runtime API, retries of invocations and limits."""
