"""Events for the account and webhooks for callers, published when a task has ended."""
