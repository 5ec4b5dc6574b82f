"""What every function has: settings, logging, metrics and the step decorator."""
