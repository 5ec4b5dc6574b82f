"""`GET /tasks/{taskId}/history`: what happened in the execution of a task."""
