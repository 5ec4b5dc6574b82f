"""Turn an image gray within the memory of its function. No AWS."""
