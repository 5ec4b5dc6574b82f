"""The local cloud: an emulator of AWS on 127.0.0.1, to which template.yaml is deployed."""
