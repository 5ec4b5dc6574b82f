"""The page, its files and the template agree."""

import json
import re
from pathlib import Path

import pytest

from tests.support.project import PROJECT
from tools.build.packages import files, packed

SITE = PROJECT / "web" / "site"
FILES = {path.relative_to(SITE).as_posix(): path for path in SITE.rglob("*") if path.is_file()}
SCRIPTS = {name: path for name, path in FILES.items() if name.endswith(".js")}
CODE = {name: path for name, path in FILES.items() if name.endswith((".js", ".css"))}
PAGES = sorted(SITE.glob("*.html"))


def imports(script: Path) -> list[tuple[str, str]]:
    """The names that a script imports, and the script from which it imports them."""
    found = re.findall(r'import (.+?) from "(\.\.?/.+?)"', script.read_text(), re.DOTALL)
    return [
        (names, (script.parent / module).resolve().relative_to(SITE).as_posix())
        for names, module in found
    ]


def test_the_template_routes_what_the_function_serves(resources):
    paths = resources["Api"]["Properties"]["DefinitionBody"]["paths"]
    served = re.findall(r"^    GET (\S+)", (PROJECT / "web" / "serve.py").read_text(), re.MULTILINE)
    routed = [path for path, methods in paths.items() if "PageFunctionAliaslive" in str(methods)]
    assert routed == served
    for path in served:
        assert set(paths[path]) == {"get", "head", "x-amazon-apigateway-any-method"}


def test_the_package_has_the_whole_site_and_nothing_of_darkroom():
    packed = files("web/", "serve.handler")
    assert set(packed) == {"serve.py", *(f"site/{name}" for name in FILES)}


def test_a_packed_script_has_the_same_code_on_the_same_lines(tmp_path: Path):
    script = tmp_path / "some.js"
    source = """/** Says why.
 * And how. */
const path = `/${name}/*`; // this stays

  // This does not.
  call("/* text */", /[*]/); /* neither is this touched */
"""
    script.write_text(source)
    assert packed(script).decode().split("\n") == [
        "",
        "",
        "const path = `/${name}/*`; // this stays",
        "",
        "",
        'call("/* text */", /[*]/); /* neither is this touched */',
        "",
    ]
    assert packed(SITE / "index.html") == (SITE / "index.html").read_bytes()


def test_packed_json_has_the_same_content_on_one_line():
    for name in ("openapi.json", "task.asl.json"):
        text = packed(SITE / name).decode()
        assert json.loads(text) == json.loads((SITE / name).read_text())
        assert "\n" not in text


@pytest.mark.parametrize("path", CODE.values(), ids=CODE)
def test_no_text_of_a_script_is_on_several_lines(path: Path):
    # It would lose its indentation in the package.
    for line in packed(path).decode().split("\n"):
        assert re.sub(r'"`"|\[[^]]*`\]', "", line).count("`") % 2 == 0, line
        assert not line.startswith(("/*", "//")), line


@pytest.mark.parametrize(
    ("name", "original"),
    [
        ("errors.md", "docs/errors.md"),
        ("openapi.json", "docs/openapi.json"),
        ("task.asl.json", "statemachine/task.asl.json"),
    ],
)
def test_the_texts_of_the_page_are_written_once(name: str, original: str):
    assert (SITE / name).resolve() == PROJECT / original


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_every_file_that_a_page_names_is_there_and_its_scripts_are_all_loaded_at_once(page: Path):
    named = set(re.findall(r'"\{root\}/page/\{version\}/([^"]+)"', page.read_text()))
    assert named <= set(FILES)
    scripts = {name for name in named if name.endswith(".js")}
    imported = {module for name in scripts for _, module in imports(SITE / name)}
    assert imported <= scripts


def test_every_script_and_style_belongs_to_a_page():
    pages = "".join(page.read_text() for page in PAGES)
    for name in CODE:
        assert f'"{{root}}/page/{{version}}/{name}"' in pages


def test_nothing_is_loaded_from_elsewhere_and_no_data_becomes_markup():
    for path in [*CODE.values(), *PAGES]:
        text = path.read_text().replace('xmlns="http://www.w3.org/2000/svg"', "")
        text = text.replace('"http://www.w3.org/2000/svg"', "")
        assert not re.findall(r"https?://\w", text), path.name
        assert not re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write", text), path


@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS)
def test_a_script_imports_only_names_that_are_exported(script: Path):
    for names, module in imports(script):
        exported = re.findall(
            r"^export (?:async )?(?:function\*?|const|class) (\w+)",
            (SITE / module).read_text(),
            re.MULTILINE,
        )
        named = {name.strip() for name in names.strip("{}").split(",") if "*" not in name}
        assert named <= set(exported), module
