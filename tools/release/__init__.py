"""The release pipeline: what a stage does with a build, in AWS and on the local cloud alike.

`.github/workflows/release.yaml` runs `make release STAGE=…` for each stage, `make pipeline-local`
all of them. `bootstrap.yaml` has the roles and the bucket that an account gives to a stage.
"""
