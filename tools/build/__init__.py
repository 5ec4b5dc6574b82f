"""Build, check and describe what is deployed."""
