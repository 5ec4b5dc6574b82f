"""The local cloud and the command line: never shipped to AWS."""
