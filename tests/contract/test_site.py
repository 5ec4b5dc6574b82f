"""The page, the template and what the page is made of agree."""

import re
from pathlib import Path

import pytest

from local.packages import files

PROJECT = Path(__file__).resolve().parents[2]
SITE = PROJECT / "page" / "site"
SCRIPTS = sorted(SITE.glob("*.js"))


def test_the_template_routes_what_the_function_serves_and_asks_for_no_key(resources):
    page = resources["PageFunction"]["Properties"]
    events = [event["Properties"] for event in page["Events"].values()]
    served = re.findall(
        r"^    GET (\S+)", (PROJECT / "page" / "serve.py").read_text(), re.MULTILINE
    )
    assert [event["Path"] for event in events] == served
    assert [event["Auth"]["ApiKeyRequired"] for event in events] == [False, False]
    assert {event["Method"] for event in events} == {"any"}


def test_the_package_has_the_whole_site_and_nothing_of_darkroom():
    packed = files("page/", "serve.handler")
    assert set(packed) == {"serve.py", *(f"site/{path.name}" for path in SITE.iterdir())}


@pytest.mark.parametrize(
    ("name", "original"),
    [("errors.md", "docs/errors.md"), ("task.asl.json", "statemachine/task.asl.json")],
)
def test_what_the_page_tells_is_written_once(name: str, original: str):
    assert (SITE / name).resolve() == PROJECT / original


def test_every_file_that_the_page_names_is_there_and_every_script_is_loaded_at_once():
    named = set(re.findall(r'"page/\{version\}/([^"]+)"', (SITE / "index.html").read_text()))
    assert named <= {path.name for path in SITE.iterdir()}
    assert {path.name for path in SCRIPTS} <= named


def test_nothing_is_loaded_from_elsewhere_and_no_data_becomes_markup():
    for path in [*SCRIPTS, *SITE.glob("*.css"), SITE / "index.html"]:
        text = path.read_text().replace('xmlns="http://www.w3.org/2000/svg"', "")
        text = text.replace('"http://www.w3.org/2000/svg"', "")
        assert not re.findall(r"https?://\w", text), path.name
        assert not re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write", text), path


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_a_script_imports_only_names_that_are_exported(script: Path):
    for names, module in re.findall(r'import \{([^}]+)\} from "\./(.+?)"', script.read_text()):
        exported = re.findall(
            r"^export (?:async )?(?:function|const|class) (\w+)",
            (SITE / module).read_text(),
            re.MULTILINE,
        )
        assert {name.strip() for name in names.split(",")} <= set(exported), module
