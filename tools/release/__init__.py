"""The release pipeline: deploy a build to each stage, in AWS or on the local cloud.

`.github/workflows/release.yaml` runs `make release STAGE=…` for each stage; `make pipeline-local`
runs all stages. `infra/pipeline.yaml` has a stage's roles and its bucket for packages.
"""
