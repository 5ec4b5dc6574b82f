"""The command `darkroom callers`: the callers of a stack, their API keys and their limits."""
