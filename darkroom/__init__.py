"""Darkroom: the rules that the functions share, and the client and the command for its users.

`tasks`, `batches`, `events`, `images`, `sources` hold the rules; `aws` and `runtime` are what they
run on. `client`, `cli` and `cost` are for users and are never deployed.
"""
