"""Pictures for tests, and how tests read results."""

import io
from typing import Any

import numpy as np
from PIL import Image

from darkroom.images.grayscale import Gray


def photo(width: int = 97, height: int = 64) -> Image.Image:
    """Return a picture with soft colours and no symmetry, which JPEG hardly changes."""
    x, y = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    red, green, blue = 40 + 160 * x, 60 + 120 * y, 200 - 90 * x * y
    return Image.fromarray(np.stack([red, green, blue], axis=-1).round().astype(np.uint8))


def encode(image: Image.Image, file_format: str, **options: Any) -> bytes:
    """Return an image as a file."""
    file = io.BytesIO()
    image.save(file, file_format, **options)
    return file.getvalue()


def read(gray: Gray) -> Image.Image:
    """Return the image of a result, decoded."""
    image = Image.open(io.BytesIO(gray.data))
    image.load()
    assert image.size == (gray.width, gray.height)
    return image


def pixels(image: Image.Image) -> np.ndarray:
    """Return an image's values as numbers for calculations."""
    return np.asarray(image).astype(float)
