"""Convert an image to gray within the memory of its function. No AWS calls."""
