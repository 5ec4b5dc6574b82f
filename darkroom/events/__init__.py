"""What is published when a task ends: an event for the account, a webhook for the caller."""
