"""Commands for operators: they call AWS, not only the API."""
