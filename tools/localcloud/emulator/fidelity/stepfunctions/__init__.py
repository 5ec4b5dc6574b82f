"""Step Functions: executions, their events, retries, Express machines and Distributed Maps."""
