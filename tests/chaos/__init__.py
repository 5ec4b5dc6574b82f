"""The fault suite: injects faults, then checks what tasks and batches were promised.

`python -m tests.chaos` (or `make chaos`) runs all of it: the faults of `faults_of_functions` and
`faults_of_messages` hit tasks, once with STANDARD and once (`faults_of_express`) with EXPRESS;
those of `faults_of_batches` hit batches, and in those of `faults_of_callers` what one caller has is
slow, and another caller must not notice. `rig` is the system that they break, `scene` and `batches`
submit the work, `recorder` writes down what happened to a table and `executions` how executions
ended. `play` runs one fault. `task_invariants` checks what was promised for each task, and
`batch_invariants` what was promised for each batch.
"""
