"""The description of the API in OpenAPI, of which `make describe` writes docs/openapi.json."""
