"""The AWS emulator (ministack) as Darkroom runs it: one pinned version, guarded and patched.

`python -m tools.localcloud.emulator` runs it with the interpreter of the emulator's own
environment. Besides the standard library and `tools.localcloud.guard`, only ministack and its
dependencies may be imported here.

- `fidelity`: patches that make ministack behave like AWS.
- `speedups`: patches that make it faster and change no answer. One switch turns them off.
- `snapshots`: writes the state to disk every few seconds, so that it survives a kill, and rejects
  changes while it cannot be written.
- `__main__`: configures ministack and starts it with all of these.
"""
