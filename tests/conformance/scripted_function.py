"""A Lambda function that does what its event says. `rows` deploys the text of this file.

The event is `{"script": [step, …], "attempt": n}`: the step with the number of the attempt is done,
or the last one. A step is one of

    {"return": value}                       the result
    {"raise": "SourceGone", "message": ""}  an exception of a class with this name
    {"return_bytes": 300000}                a text of this length as the result
    {"sleep": 2}                            null, after this number of seconds
    {"exit": 1}                             no result: the process ends with this status
"""

import os
import time


def handler(event, _context):
    steps = event["script"]
    step = steps[min(event["attempt"], len(steps) - 1)]
    if "raise" in step:
        raise type(step["raise"], (Exception,), {})(*filter(None, [step.get("message")]))
    if "exit" in step:
        os._exit(step["exit"])
    time.sleep(step.get("sleep", 0))
    return "x" * step["return_bytes"] if "return_bytes" in step else step.get("return")
