"""What Darkroom costs in AWS: counted calls (`counts.json`) times dated prices (`prices.yaml`)."""
