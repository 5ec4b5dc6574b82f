import os
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkroom.cli.files import collision_key, distinct

TYPES = ["image/jpeg", "image/png", "image/tiff", "image/webp"]
FILES = st.from_regex(
    r"([sa]|a\.png)?/?[aAåÅé\u0301e](\.bmp)?(-2)?(\.(jpg|JPEG|png|bmp|tiff|webp))?[. ]{0,2}",
    fullmatch=True,
).filter(lambda name: not name.startswith("/"))


@pytest.mark.parametrize(
    ("own", "content_type", "result"),
    [
        ("IMG_1.jpg", "image/jpeg", "IMG_1.jpg"),
        ("sub/IMG_1.JPEG", "image/jpeg", "sub/IMG_1.JPEG"),
        ("scan.TIFF", "image/tiff", "scan.TIFF"),
        ("a.b.bmp", "image/png", "a.b.png"),
        ("really-a-png.jpg", "image/png", "really-a-png.png"),
        ("photo", "image/webp", "photo.webp"),
    ],
)
def test_a_result_has_the_name_of_its_source_and_only_a_wrong_extension_changes(
    own: str, content_type: str, result: str
) -> None:
    (name,) = distinct([own])

    assert name.of_type(content_type) == result


def test_a_changed_extension_does_not_take_the_name_of_another() -> None:
    jpg, bmp, tif = distinct(["a.png", "a.bmp", "a.tif"])

    assert jpg.of_type("image/png") == "a.png"
    assert bmp.of_type("image/png") == "a.bmp.png"
    assert tif.of_type("image/tiff") == "a.tif"


def test_the_same_name_again_is_numbered() -> None:
    found = distinct(["cat.jpg", "Cat.jpg", "cat-2.jpg"])

    assert [name.of_type("image/jpeg") for name in found] == ["cat.jpg", "Cat-2.jpg", "cat-2-2.jpg"]


@given(st.lists(st.tuples(FILES, st.sampled_from(TYPES)), max_size=8))
def test_no_result_overwrites_another(sources: list[tuple[str, str]]) -> None:
    found = distinct([own for own, _ in sources])
    results = [name.of_type(kind) for name, (_, kind) in zip(found, sources, strict=True)]

    assert len({collision_key(result) for result in results}) == len(sources)
    # A folder with this name is not needed either.
    folders = {
        collision_key(str(folder)) for result in results for folder in PurePosixPath(result).parents
    }
    assert not folders & set(map(collision_key, results))


@pytest.mark.parametrize(
    ("wanted", "results"),
    [
        (["a", "a.png/b.png"], ["a-2.png", "a.png/b.png"]),
        (["a.bmp", "a.png/b.png"], ["a.bmp.png", "a.png/b.png"]),
        (["A.PNG", "a.png/b.png"], ["A-2.PNG", "a.png/b.png"]),
        (["x.bmp", "x/y.png"], ["x.png", "x/y.png"]),
        (["gr\u00f6\u00dfe.png", "gro\u0308\u00dfe.png"], ["größe.png", "gro\u0308ße-2.png"]),
        (["a /b.png", "a/B.png"], ["a /b.png", "a/B-2.png"]),
        (["a.png.", "a.png", "a.png "], ["a.png..png", "a-2.png", "a-3.png"]),
        (["CON", "con.png", "sub/nul.bmp"], ["_CON-2.png", "_con.png", "sub/_nul.png"]),
        (["_aux.png", "aux.png", "AUX /b.png"], ["_aux.png", "_aux-2.png", "_AUX /b.png"]),
        (["com¹.png", "lpt9.tar.gz", "console.png"], ["_com¹.png", "_lpt9.tar.png", "console.png"]),
        (["x\udcff.bmp"], ["x\udcff.png"]),
    ],
)
def test_names_that_a_file_system_takes_for_the_same_are_told_apart(
    wanted: list[str], results: list[str]
) -> None:
    assert [name.of_type("image/png") for name in distinct(wanted)] == results


@pytest.mark.parametrize("letter", ["a", "ü", "例", "👩", "\udcff"])
@pytest.mark.parametrize("suffix", ["", ".png", ".bmp"])
def test_no_name_is_longer_than_a_file_system_takes(letter: str, suffix: str) -> None:
    size = len(os.fsencode(letter))
    longest = letter * ((255 - len(suffix)) // size) + suffix
    found = distinct([longest, f"sub/{longest}", longest.swapcase(), longest, longest])
    results = [name.of_type(kind) for name in found for kind in TYPES]

    assert max(len(os.fsencode(PurePosixPath(result).name)) for result in results) <= 255
    assert len({name.of_type("image/png") for name in found}) == 5
    assert len({name.of_type("image/tiff") for name in found}) == 5
