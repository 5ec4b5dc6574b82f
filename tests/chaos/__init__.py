"""The fault suite: what breaks on purpose, and the books that must balance afterwards.

`python -m tests.chaos` (or `make chaos`) runs all of it. `faults_*` break things, `rig` is what
they break, `recorder` writes down what happened to the table, `books` judge.
"""
