"""What happened in the execution of a task: `GET /tasks/{taskId}/history` and `…/logs`."""
