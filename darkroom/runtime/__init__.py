"""What every function needs: settings, logging, metrics and the step decorator."""
