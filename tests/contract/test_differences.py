"""docs/aws-differences.md has a row for each way in which the local cloud differs from AWS.

The names in a row are only looked up. To see that its test fails without the patch, remove the
patch.
"""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.support.project import PROJECT

PAGE = PROJECT / "docs" / "aws-differences.md"
EMULATOR = PROJECT / "tools" / "localcloud" / "emulator"
SPEEDUPS = EMULATOR / "speedups.py"

HEADER = ["AWS", "Source", "Local cloud", "Changed by", "Test or workaround"]
# Patches that change no response, so that there is no behaviour of AWS to compare.
FASTER = ["What ministack does without it", "Changed by", "Test"]

CODE = re.compile(r"`([^`]+)`")
LINK = re.compile(r"\[[^]]+\]\(https://[^)\s]+\)")
RECORDED = re.compile(r"recorded \d{4}-\d\d-\d\d")
RECORDING = re.compile(r"[a-z_]+/[\w/]+")
TEST = re.compile(r"tests/\S+\.py::\w+")
WORKAROUND = re.compile(r"Workaround: \S+ \S+")
# The functions by which a patch changes ministack.
REACHES = {"replaces", "replace", "rely_on", "setattr"}


@dataclass(frozen=True)
class Row:
    line: int
    section: str
    cells: dict[str, str]

    @property
    def patches(self) -> list[str]:
        return CODE.findall(self.cells["Changed by"])

    @property
    def held_by(self) -> str:
        return self.cells.get("Test or workaround") or self.cells.get("Test", "")

    @property
    def tests(self) -> list[str]:
        return [name for name in CODE.findall(self.held_by) if name.startswith("tests/")]


def rows_of(text: str) -> list[Row]:
    """The rows of all tables of the page; each begins with one of the headers."""
    found: list[Row] = []
    header: list[str] = []
    section = ""
    for number, line in enumerate(text.splitlines(), start=1):
        if line.startswith("#"):
            section = line.lstrip("# ")
        if not line.startswith("|"):
            header = []
            continue
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if not header:
            assert cells in (HEADER, FASTER), f"line {number}: {cells}"
            header = cells
        elif set(line) - set("|-"):
            found.append(Row(number, section, dict(zip(header, cells, strict=True))))
    return found


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    return rows_of(PAGE.read_text())


def definitions(body: list[ast.stmt]) -> dict[str, ast.stmt]:
    """The functions and classes of a module by name, those below an `if` too."""
    found: dict[str, ast.stmt] = {}
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found[node.name] = node
        elif isinstance(node, ast.If):
            found |= definitions(node.body) | definitions(node.orelse)
    return found


def patches_of(source: str) -> set[str]:
    """The functions of a module that change ministack: those that `apply` calls, and those that
    change it directly.

    `Patch` and `replaces` decorate such a function.

    What is changed outside of any function is `(module)`, which no row can name.
    """
    tree = ast.parse(source)
    known = definitions(tree.body)
    modules = {
        alias.asname or alias.name.partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
        if (getattr(node, "module", None) or alias.name).partition(".")[0] == "ministack"
    }
    found = {name for name, node in known.items() if _reaches(node, modules) or _is_decorated(node)}
    if "apply" in known:
        found |= known.keys() & set(_calls(known["apply"]))
    outside = [node for node in tree.body if not definitions([node])]
    if any(_reaches(node, modules) for node in outside):
        found.add("(module)")
    return found - {"apply"}


def _calls(node: ast.AST) -> Iterator[str]:
    for call in ast.walk(node):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name):
            yield call.func.id


def _is_decorated(node: ast.AST) -> bool:
    decorators = getattr(node, "decorator_list", [])
    return any(isinstance(each, ast.Name) and each.id == "Patch" for each in decorators)


def _reaches(code: ast.AST, modules: set[str]) -> bool:
    """Whether code replaces something in a module of ministack.

    `stepfunctions._add_event = …` does, `stepfunctions._executions[arn] = …` writes a state.
    """
    return bool(REACHES & set(_calls(code))) or any(
        isinstance(node, ast.Attribute)
        and isinstance(node.ctx, ast.Store | ast.Del)
        and ast.unparse(node).partition(".")[0] in modules
        and isinstance(node.value, ast.Name | ast.Attribute)
        for node in ast.walk(code)
    )


def all_patches() -> set[str]:
    found: set[str] = set()
    for path in EMULATOR.rglob("*.py"):
        module = ".".join(path.relative_to(EMULATOR).with_suffix("").parts)
        if module != "replacing":
            found |= {f"{module}.{name}" for name in patches_of(path.read_text())}
    return found


def behind_the_switch() -> set[str]:
    """The patches that `speedups.apply` applies: those of its own module."""
    return {f"speedups.{patch}" for patch in patches_of(SPEEDUPS.read_text())}


def is_there(name: str) -> bool:
    """Whether a function or class that a row names exists: `fidelity.s3.f`, `tools.x.y.f`."""
    module, _, member = name.rpartition(".")
    folder = PROJECT if module.startswith("tools.") else EMULATOR
    path = folder / f"{module.replace('.', '/')}.py"
    return path.is_file() and member in definitions(ast.parse(path.read_text()).body)


def is_a_test(name: str) -> bool:
    path, _, function = name.partition("::")
    file = PROJECT / path
    if not TEST.fullmatch(name) or not file.is_file():
        return False
    return function.startswith("test_") and function in definitions(
        ast.parse(file.read_text()).body
    )


def test_every_patch_has_one_row(rows: list[Row]):
    named = Counter(name for row in rows for name in row.patches)

    assert sorted(all_patches() - named.keys()) == []
    assert sorted(name for name, count in named.items() if count > 1) == []


def test_every_patch_of_a_row_exists(rows: list[Row]):
    assert [
        f"line {row.line}: {name}" for row in rows for name in row.patches if not is_there(name)
    ] == []


def test_every_row_has_a_test_that_exists_or_says_what_to_do(rows: list[Row]):
    assert [f"line {r.line}: {t}" for r in rows for t in r.tests if not is_a_test(t)] == []
    assert [
        f"line {row.line}: {row.held_by}"
        for row in rows
        if not row.tests and not WORKAROUND.match(row.held_by)
    ] == []


def test_what_a_patch_makes_right_has_a_test(rows: list[Row]):
    """A workaround is for behaviour that no test here can show; a patch can be tested."""
    of_patches = [row for row in rows if any(is_patch(name) for name in row.patches)]

    assert [f"line {row.line}" for row in of_patches if not row.tests] == []


def is_patch(name: str) -> bool:
    return name.startswith(("fidelity.", "speedups."))


def test_a_module_names_the_sections_of_its_rows(rows: list[Row]):
    of_modules: dict[str, set[str]] = {}
    for row in rows:
        for name in row.patches:
            if name.startswith("fidelity."):
                of_modules.setdefault(name.rpartition(".")[0], set()).add(row.section)
    named = {}
    for module in of_modules:
        path = EMULATOR / f"{module.replace('.', '/')}.py"
        docstring = " ".join((ast.get_docstring(ast.parse(path.read_text())) or "").split())
        _, _, sections = docstring.partition("Differences from AWS: docs/aws-differences.md, ")
        named[module] = set(re.findall(r'"([^"]+)"', sections))

    assert named == of_modules


def test_the_switch_is_for_what_changes_no_answer_and_for_all_of_it(rows: list[Row]):
    faster = {name for row in rows if row.cells.keys() == set(FASTER) for name in row.patches}

    assert faster == behind_the_switch()


def test_every_row_says_what_aws_does_where_that_is_known_from_and_what_happens_here(
    rows: list[Row],
):
    compared = [row for row in rows if "Source" in row.cells]

    assert [
        f"line {row.line}: {row.cells['Source']}"
        for row in compared
        if not LINK.search(row.cells["Source"])
        and not (
            RECORDED.search(row.cells["Source"])
            and any(RECORDING.fullmatch(name) for name in CODE.findall(row.cells["Source"]))
        )
    ] == []
    assert [f"line {row.line}" for row in rows if not all(row.cells.values())] == []


@pytest.mark.parametrize(
    ("module", "patches"),
    [
        ("def apply():\n    one()\ndef one(): ...\ndef two(): ...", {"one"}),
        ("def one():\n    replace(x, 'y', z, has='')", {"one"}),
        ("@replaces(x, 'y', has='')\nasync def one(original): ...", {"one"}),
        ("@Patch\ndef one(): ...\ndef two(): ...", {"one"}),
        ("def _one():\n    rely_on(x, 'y', has='')", {"_one"}),
        ("from ministack import app\ndef one():\n    app.os = 1", {"one"}),
        ("from ministack.services import s3\ndef one():\n    s3.x = 1", {"one"}),
        ("from ministack.core import a\ndef one():\n    a.Worker.x = 1", {"one"}),
        ("from ministack import app\napp.os = 1", {"(module)"}),
        ("import other\ndef one():\n    other.x = 1", set()),
        ("from ministack.services import s3\ndef one():\n    s3._buckets['a'] = 1", set()),
    ],
)
def test_a_patch_is_known_by_what_it_does(module: str, patches: set[str]):
    assert patches_of(module) == patches
