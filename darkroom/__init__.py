"""What the functions share: the rules of a task, of sources and of images. No handler lives here.

`errors`, `tasks`, `sources` and `images` know nothing of AWS. `store` makes the calls to DynamoDB,
`objects` those to S3, `steps` wraps a handler in what every step does.
"""
