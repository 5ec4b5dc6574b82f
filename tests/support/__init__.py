"""What tests share.

- `fakes` replace AWS, the API, a source, a receiver of webhooks.
- `cloud` drives a stack that is deployed to a local cloud.
- `images` makes pictures, those of hostile senders included.
- `measure` has programs that a test runs in a separate process, to measure it.
- `template` reads what is deployed: its resources, policies and metrics.
"""
