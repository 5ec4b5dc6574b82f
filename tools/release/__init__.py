"""The release pipeline: bring a build into each stage, in AWS and on the local cloud alike.

`.github/workflows/release.yaml` runs `make release STAGE=…` for each stage; `make pipeline-local`
runs all stages. `infra/pipeline.yaml` has a stage's roles and its bucket for packages.
"""
