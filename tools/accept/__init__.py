"""The acceptance test of a deployed stack: `make accept STACK=name`.

It checks what Darkroom promises through the stack's public interfaces: the HTTP API with the
stack's own key, presigned forms and links, and calls to AWS with the operator's credentials. Each
promise is one line of the report: ok, FAILED or not checked.

`promises` has the order; `subject` the stack and everything that the test creates there; `rights`
the calls to AWS, which a contract test compares with the pipeline's role. docs/operate.md describes
the report, the costs and what remains afterwards.
"""
