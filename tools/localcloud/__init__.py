"""The local cloud: an emulator of AWS on 127.0.0.1 with the project's own template in it."""
