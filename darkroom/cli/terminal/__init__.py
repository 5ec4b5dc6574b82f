"""How the command line meets its terminal: tables, times, streams, and its own name."""
