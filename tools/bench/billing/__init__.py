"""Count what tasks call, in the units that AWS bills."""
