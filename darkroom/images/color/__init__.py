"""What the values of a file mean: its profile, its gamma, its curve for HDR."""
