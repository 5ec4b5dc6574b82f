"""CloudWatch: metrics of log lines, and alarms."""
