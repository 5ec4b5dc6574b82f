"""`make demo` and the picture that it converts."""
