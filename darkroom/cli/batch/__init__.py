"""The command `darkroom batch`: convert a folder or a list of images."""
