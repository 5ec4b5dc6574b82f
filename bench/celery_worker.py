"""What Darkroom's path is measured against: a Celery worker that does the same work naively.

Runs in the environment of requirements/bench.txt, see `bench.celery_rig`. A task downloads the
image, makes it gray as the first answer on the web says and saves it as a file; Celery keeps the
task's status, STARTED and then SUCCESS, in its result backend.

    BENCH_BROKER    broker and result backend: `redis://…`
    BENCH_RESULTS   the folder of the gray images
"""

import io
import os
import time
import urllib.request
from pathlib import Path

from celery import Celery
from PIL import Image

app = Celery("bench.celery_worker", broker=os.environ["BENCH_BROKER"])
app.conf.update(
    result_backend=os.environ["BENCH_BROKER"],
    task_track_started=True,
    # A task whose worker dies is done again, as in Darkroom.
    task_acks_late=True,
    worker_prefetch_multiplier=1,
)


@app.task(name="develop")  # type: ignore[untyped-decorator]
def develop(name: str, url: str) -> float:
    """Develop one image; return when it was done, in seconds since 1970."""
    with urllib.request.urlopen(url, timeout=60) as response:  # noqa: S310
        data = response.read()
    path = Path(os.environ["BENCH_RESULTS"], f"{name}.jpg")
    Image.open(io.BytesIO(data)).convert("L").save(path)
    return time.time()
