"""Links between the pages lead somewhere, and every page can be found."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.project import PROJECT

DOCS = PROJECT / "docs"
PAGES = sorted([*PROJECT.glob("*.md"), *DOCS.rglob("*.md")])
RECORDS = sorted((DOCS / "adr").glob("0*.md"))
FOLDERS = ("api", "darkroom", "docs", "infra", "lambdas", "statemachine", "tests", "tools", "web")
FILE = re.compile(rf"`((?:{'|'.join(FOLDERS)})/[\w./*-]+)`")
LINK = re.compile(r"\]\(([^)\s]+)\)|(?:src|srcset)=\"([^\"]+)\"")


def prose(page: Path) -> str:
    """A page without its blocks of code."""
    return re.sub(r"^```.*?^```", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)


def links(page: Path) -> Iterator[tuple[Path, str]]:
    """The files that a page links, each with the anchor, or an empty one."""
    for markdown, html in LINK.findall(prose(page)):
        target = markdown or html
        if "://" not in target:
            path, _, anchor = target.partition("#")
            yield (page.parent / path).resolve() if path else page, anchor


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT)))
def test_every_link_leads_to_a_file_and_to_one_of_its_headings(page: Path):
    assert [
        f"{target}#{anchor}"
        for target, anchor in links(page)
        if not target.exists() or (anchor and anchor not in anchors(target))
    ] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT)))
def test_every_file_that_a_page_names_exists(page: Path):
    named = [] if page.name == "aws-differences.md" else FILE.findall(prose(page))
    assert [name for name in named if not list(PROJECT.glob(name.rstrip("/")))] == []


def test_the_index_links_every_page():
    listed = {target for target, _ in links(DOCS / "index.md")}
    assert {page for page in PAGES if page.parent != DOCS / "adr"} - listed == {DOCS / "index.md"}


def test_the_index_of_decisions_links_every_record_with_its_title_and_date():
    index = (DOCS / "adr" / "index.md").read_text()
    for record in RECORDS:
        text = record.read_text()
        number, title = re.findall(r"\A# (\d+)\. (.+)$", text, re.MULTILINE)[0]
        (date,) = re.findall(r"^- Date: (\d{4}-\d\d-\d\d)$", text, re.MULTILINE)
        assert f"| {int(number):04} | [{title}]({record.name}) | {date} |\n" in index
        assert record.name.startswith(f"{int(number):04}-")


def test_every_record_says_what_would_change_it():
    for record in RECORDS:
        headings = re.findall(r"^## (.+)$", record.read_text(), re.MULTILINE)
        assert headings[:2] == ["Context", "Decision"], record.name
        assert headings[-1] == "What would change it", record.name
