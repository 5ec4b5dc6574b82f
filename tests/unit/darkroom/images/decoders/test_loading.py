"""The second decoders are loaded when a file needs them, and their layer has what they need."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from darkroom.errors import UnsupportedFormat
from darkroom.images.grayscale import grayscale
from tests.support.images.pictures import encode, photo
from tests.support.images.tiffs import RGB, tiff
from tests.support.project import PROJECT

LIBRARIES = {"numpy", "tifffile", "imagecodecs", "pi_heif"}
PROBE = """
import sys
from pathlib import Path
from darkroom.images.grayscale import grayscale
grayscale(Path(sys.argv[1]), output="auto", quality=90, max_pixels=10**6)
print(*sys.modules)
"""


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP", "AVIF"])
def test_a_usual_file_loads_none_of_them(file_format: str, tmp_path: Path) -> None:
    file = tmp_path / "image"
    file.write_bytes(encode(photo(), file_format))

    done = subprocess.run(
        [sys.executable, "-c", PROBE, file], cwd=PROJECT, capture_output=True, text=True, check=True
    )

    assert not LIBRARIES & set(done.stdout.split())


def test_a_missing_decoder_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tifffile", None)
    with pytest.raises(UnsupportedFormat, match="needs a decoder that is not installed"):
        grayscale(
            tiff(np.zeros((4, 4, 3), np.float32), RGB), output="png", quality=90, max_pixels=100
        )


def test_heic_without_its_layer_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pi_heif", None)
    with pytest.raises(UnsupportedFormat, match="parameter Heic"):
        grayscale(b"\0\0\0\x18ftypheic", output="png", quality=90, max_pixels=100, heic=True)


def test_the_layer_has_each_library_that_its_codecs_need() -> None:
    makefile = (PROJECT / "infra/layers/Makefile").read_text()
    codecs = re.findall(r"\w+", re.findall(r"^CODECS := (.*)$", makefile, re.MULTILINE)[0])
    kept = re.findall(r"^CODEC_LIBRARIES := (.*)$", makefile, re.MULTILINE)[0].split()
    spec = importlib.util.find_spec("imagecodecs")
    assert spec
    assert spec.origin
    package = Path(spec.origin).parent
    folder = package.with_name("imagecodecs.libs")
    if not folder.exists():
        pytest.skip("only wheels for Linux have this folder")

    needed: set[str] = set()
    todo = [file for codec in codecs for file in package.glob(f"_{codec}.*so")]
    assert len(todo) == len(codecs)
    while todo:
        names = re.findall(rb"lib(\w+)-[0-9a-f]{8}\.so", todo.pop().read_bytes())
        new = {name.decode() for name in names} - needed
        needed |= new
        todo += [file for name in new for file in folder.glob(f"lib{name}-*")]

    assert needed == set(kept)
