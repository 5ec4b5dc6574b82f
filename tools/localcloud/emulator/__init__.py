"""The AWS emulator (ministack) as Darkroom runs it: pinned, guarded, closer to AWS.

`python -m local.emulator`, by the interpreter of the emulator's own environment: besides the
standard library and `tools.localcloud.guard`, nothing but ministack may be imported here.

`settings` says what ministack is told, `patches` where it is brought nearer to AWS, `snapshots`
how its state survives a kill and `saving` what happens where it would not; `__main__` puts them
together.
"""
