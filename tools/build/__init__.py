"""What builds, checks and describes what is deployed."""
