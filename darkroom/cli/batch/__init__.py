"""The command `darkroom batch`: from files to files."""
