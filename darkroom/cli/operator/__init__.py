"""What an operator looks at: a deployment, an execution, its logs, its dead letters."""
