"""Select the files of a function's package: its handler, our modules that it imports, its `site/`.

Scripts and styles of a `site/` are packed without their comments, which are a sixth of the page,
and JSON without spaces.

The local cloud's deployer zips these files. `sam build` runs this from the functions' makefiles,
without `darkroom/`: all functions share one layer, with every module that one of them imports.
With `darkroom/` and its bytecode in every package, the API's would be twice as large as we allow.
This module uses only the standard library, so that any Python can build.

    python -m tools.build.packages function FOLDER HANDLER TARGET
    python -m tools.build.packages layer TARGET
"""

import io
import json
import re
import sys
import zipfile
from modulefinder import ModuleFinder
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
# The earliest time that a zip file can hold: fixed, so that the same files give the same bytes.
EPOCH = (1980, 1, 1, 0, 0, 0)
READ_ONLY = 0o644 << 16
SHARED = "darkroom/"
FOLDERS = ("api/", "lambdas/", "web/")
HANDLER = re.compile(r"HANDLER := (\S+)")
COMMENT_OR_INDENT = re.compile(r"^ *(?:/\*(?:(?!\*/).)*\*/$|//[^\n]*)?", re.DOTALL | re.MULTILINE)
"""A comment on separate lines; or the spaces before code."""


def files(folder: str, handler: str) -> dict[str, Path]:
    """Return the files of a function: their names in the package and their paths.

    A folder `site/` beside the handler is included: the function serves it.

    Args:
        folder: the function's `CodeUri`, relative to the project: `lambdas/` or `api/`.
        handler: its `Handler`: `download.handler`.

    Raises:
        FileNotFoundError: there is no such module.
    """
    roots = [PROJECT / folder, PROJECT]
    module = roots[0] / f"{handler.rpartition('.')[0]}.py"
    if not module.is_file():
        raise FileNotFoundError(f"{folder} has no module {module.stem}.")
    # Only our modules are on this path, so the finder does not follow imports of libraries.
    finder = ModuleFinder([str(root) for root in roots])
    finder.load_file(str(module))
    site = (path for path in (roots[0] / "site").rglob("*") if path.is_file())
    found = {path.relative_to(roots[0]).as_posix(): path for path in site}
    for imported in finder.modules.values():
        if file := getattr(imported, "__file__", None):
            path = Path(file)
            root = next(root for root in roots if path.is_relative_to(root))
            found[path.relative_to(root).as_posix()] = path
    return dict(sorted(found.items()))


def zipped(contents: dict[str, Path]) -> bytes:
    """Return the files as a zip archive; the same files give the same bytes."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as package:
        for name, path in contents.items():
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.external_attr = READ_ONLY
            package.writestr(entry, packed(path), zipfile.ZIP_DEFLATED)
    return archive.getvalue()


def packed(path: Path) -> bytes:
    """Return what a package contains of a file.

    For a script or a style these are the lines of code, without comments and indentation. The
    others are empty, so that errors in a browser name the same lines as the source. JSON has no
    spaces: the description of the API is a sixth smaller then, also compressed.
    """
    if path.suffix not in {".js", ".css", ".json"}:
        return path.read_bytes()
    text = path.read_text("utf-8")
    if path.suffix == ".json":
        return json.dumps(json.loads(text), ensure_ascii=False, separators=(",", ":")).encode()
    return COMMENT_OR_INDENT.sub(lambda found: "\n" * found[0].count("\n"), text).encode()


def function(folder: str, handler: str, target: str) -> None:
    """Copy the files of one function into a folder, except those of the shared layer."""
    _copy(
        {n: path for n, path in files(folder, handler).items() if not n.startswith(SHARED)}, target
    )


def layer(target: str) -> None:
    """Copy the files of `darkroom/` that any function imports into a folder."""
    shared: dict[str, Path] = {}
    for folder in FOLDERS:
        for handler in HANDLER.findall((PROJECT / folder / "Makefile").read_text()):
            found = files(folder, handler)
            shared |= {name: path for name, path in found.items() if name.startswith(SHARED)}
    _copy(shared, target)


def _copy(contents: dict[str, Path], target: str) -> None:
    for name, path in contents.items():
        copy = Path(target, name)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(packed(path))


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["function", folder, handler, target]:
            function(folder, handler, target)
        case ["layer", target]:
            layer(target)
        case _:
            sys.exit(__doc__)
