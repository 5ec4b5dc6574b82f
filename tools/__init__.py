"""What developers run: never installed, never deployed."""
