"""`make bench` can run both contenders and read their results. A test does not check how fast."""

import pytest

from tools.bench.path import PICTURES, tables

pytestmark = pytest.mark.timeout(1200)


def test_the_local_cloud_and_celery_do_the_same_tasks_and_both_are_measured():
    many, one, parts = tables(quick=True)

    assert [row[0] for row in many.rows] == [title for title, _ in PICTURES.values()]
    assert all(float(cell) > 0 for row in many.rows for cell in row[1:])
    assert sorted(many.bars.values())[0] > 0
    assert {row[0] for row in one.rows} == {"Darkroom", "Celery", "Celery, in steps"}
    assert all(float(cell) > 0 for row in one.rows for cell in row[1:])
    whole = {row[0]: [float(cell) for cell in row[1:]] for row in parts.rows}
    assert whole["Darkroom, all"][0] > whole["all functions"][0] > 0
    for celery in ("Celery", "Celery, in steps"):
        assert whole[f"{celery}: all"][0] > whole[f"{celery}: worker"][0] > 0
