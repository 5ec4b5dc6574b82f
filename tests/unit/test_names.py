import pytest
from hypothesis import given
from hypothesis import strategies as st

from local import names

TYPES = ["image/jpeg", "image/png", "image/tiff", "image/webp"]
FILES = st.from_regex(r"(s/)?[aA](\.bmp)?(-2)?(\.(jpg|JPEG|png|bmp|tiff|webp))?", fullmatch=True)


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
def test_a_result_is_called_as_its_source_and_only_a_wrong_extension_changes(
    own: str, content_type: str, result: str
) -> None:
    (name,) = names.distinct([own])

    assert name.of_type(content_type) == result


def test_a_changed_extension_does_not_take_the_name_of_another() -> None:
    jpg, bmp, tif = names.distinct(["a.png", "a.bmp", "a.tif"])

    assert jpg.of_type("image/png") == "a.png"
    assert bmp.of_type("image/png") == "a.bmp.png"
    assert tif.of_type("image/tiff") == "a.tif"


def test_the_same_name_again_is_numbered() -> None:
    found = names.distinct(["cat.jpg", "Cat.jpg", "cat-2.jpg"])

    assert [name.of_type("image/jpeg") for name in found] == ["cat.jpg", "Cat-2.jpg", "cat-2-2.jpg"]


@given(st.lists(st.tuples(FILES, st.sampled_from(TYPES)), max_size=8))
def test_no_result_overwrites_another(sources: list[tuple[str, str]]) -> None:
    found = names.distinct([own for own, _ in sources])
    results = [name.of_type(kind) for name, (_, kind) in zip(found, sources, strict=True)]

    assert len({result.casefold() for result in results}) == len(sources)
