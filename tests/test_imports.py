"""Which way imports run: every import of every module against the house's plan."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

PACKAGE = "autogpt_desktop"
ROOT = Path(__file__).resolve().parent.parent
FILES = sorted((ROOT / PACKAGE).rglob("*.py"))

LEAVES = frozenset(
    [
        *(
            "_version",
            "atomic",
            "database",
            "display",
            "errors",
            "events",
            "i18n",
            "language_names",
            "one_line",
        ),
        "paths",
        *("regular_file", "sandbox", "settings", "thinking"),
    ]
)
# What the tasks and the ui may know of the floors below them without running anything there.
TYPES = {"engine.config", "documents.types", "documents.text*"}


@dataclass(frozen=True)
class Wall:
    """What the modules of a floor may import. ``*`` at the end of a name stands for anything below it."""

    ours: frozenset[str]
    others: frozenset[str] = frozenset()  # outside the standard library
    never: frozenset[str] = frozenset({"sqlite3"})  # of the standard library
    lazily: frozenset[str] = frozenset()  # of both, but only inside functions or for type checkers


def wall(
    ours: set[str],
    others: set[str] | None = None,
    *,
    sql: bool = False,
    lazily: set[str] | None = None,
    leaves: frozenset[str] = LEAVES,
) -> Wall:
    return Wall(
        frozenset(ours | leaves),
        frozenset(others or ()),
        frozenset() if sql else frozenset({"sqlite3"}),
        frozenset(lazily or ()),
    )


EVERYTHING = wall({"*"}, {"*"}, sql=True)
NUMERIC = {"llguidance*", "numpy*", "tokenizers*", "sentencepiece*", "safetensors*", "jinja2*"}
TORCH_FREE = [
    "engine.cached_tokens",
    "engine.config",
    "engine.formats",
    "engine.generation.prompt_cache",
    "engine.generation.prompt_lookup",
    "engine.interface",
    "engine.memory",
    "engine.native",
    "engine.preload",
    "engine.recurrent",
    "engine.tokenizer",
]
ENGINE_LEAVES = LEAVES - {"settings"}
# Of them the one that hands out torch's tensors, with rotary tables that torch computes.
NATIVE_DECODER = "engine.native.decoder"
FORMATS = {
    *("numpy*", "bs4*", "charset_normalizer*", "docx*", "lxml*", "openpyxl*", "pptx*", "py3langid*"),
    *("opencc*", "markdown_it*", "mdit_py_plugins*", "pypdfium2*", "yaml*"),
}
QT = {"PySide6*", "shiboken6*"}
PANELS = ("chat", "translate", "answer", "sentiment", "lab")
BELOW_PANELS = {
    *(
        "tasks*",
        "storage*",
        "catalog*",
        "runtime",
        "worker",
        "ui.context",
        "ui.panel",
        "ui.panel_titles",
        "ui.ui_language",
    ),
    *("ui.widgets*", "ui.jobs*", "ui.models*", "lab.runs*"),
    *("documents.index.collection", "documents.read.rows"),
    *TYPES,
}

# The first matching name counts.
WALLS = {
    "errors": Wall(frozenset()),
    "events": Wall(frozenset()),
    "_version": Wall(frozenset()),
    "display": Wall(frozenset()),
    "sandbox": Wall(frozenset()),
    "regular_file": Wall(frozenset()),
    "thinking": Wall(frozenset()),
    "one_line": Wall(frozenset()),
    "paths": Wall(frozenset({"errors"}), frozenset({"platformdirs"})),
    "atomic": Wall(frozenset({"errors"})),
    "database": Wall(frozenset({"errors"}), never=frozenset()),
    "i18n": Wall(frozenset({"errors", "paths"})),
    "language_names": Wall(frozenset({"i18n"})),
    "settings": wall(set()),
    NATIVE_DECODER: wall({"engine*"}, {"torch*", "numpy*"}, leaves=ENGINE_LEAVES),
    **{name: wall({f"{free}*" for free in TORCH_FREE}, NUMERIC, leaves=ENGINE_LEAVES) for name in TORCH_FREE},
    "engine.formats": wall(
        {f"{free}*" for free in TORCH_FREE}, {*NUMERIC, "yaml"}, leaves=ENGINE_LEAVES
    ),
    "engine.tokenizer": wall(
        {f"{free}*" for free in TORCH_FREE}, {*NUMERIC, "sentencepiece"}, leaves=ENGINE_LEAVES
    ),
    "engine.interface": wall({"engine.config"}, {"numpy*"}, lazily={"torch"}, leaves=ENGINE_LEAVES),
    "engine": wall({"engine*"}, {"torch*", *NUMERIC}, leaves=ENGINE_LEAVES),
    "catalog": wall(
        {"catalog*", "engine.config", "engine.formats*", "engine.memory", "engine.native*"},
        {"huggingface_hub*", "httpx2*"},
    ),
    "runtime": wall({"engine*", "catalog*"}),
    "documents": wall({"documents*"}, FORMATS, sql=True),
    "storage": wall({"storage*", "documents.text*"}, sql=True),
    "tasks": wall({"tasks*", "documents*", *TYPES}, lazily={"engine*"}),
    # the window reads runs and starts them: no torch there
    "lab.runs.forecast": wall({"lab.runs*", "documents.files", "engine.formats*"}),
    "lab.runs.memory": wall({"engine.config", "engine.formats*"}),
    "lab.runs": wall({"lab.runs*", "engine.config"}),
    "lab.train.corpus": wall(set(), {"numpy*"}),
    "lab.data": wall({"lab.runs*", "lab.data*", "lab.train.corpus", "documents*"}, {"numpy*", "tokenizers*"}),
    # these compose the Lab's parts
    **{
        name: wall({"lab*", "engine*", "documents*", "catalog*"}, {"torch*", *NUMERIC})
        for name in ("lab.kinds", "lab.process")
    },
    "lab": wall({"lab*", "engine*", "documents*"}, {"torch*", "optuna*", *NUMERIC}),
    "server": wall({"server*", "runtime", "catalog*", "engine*"}, {"starlette*", "uvicorn", "anyio*"}),
    "worker": Wall(frozenset(), frozenset({"PySide6.QtCore"})),
    "ui.widgets": wall(
        {"ui.widgets*", "ui.context", "ui.panel", "storage.drafts", "catalog.entries"}, {*QT, "pygments*"}
    ),
    **{f"ui.{panel}": wall({f"ui.{panel}*", *BELOW_PANELS},
                           {*QT, "markdown_it*", "mdurl*", "pygments*", "pyqtgraph*", "ziamath*"},
                           lazily={"engine.model_pool"})
       for panel in PANELS},
    # its libraries are imported when it is switched on
    "ui.serving": wall({"settings", "worker"}, QT, lazily={"server*"}),
    "ui": wall({"ui*", *BELOW_PANELS}, QT, lazily={"engine*"}),
    # These compose the parts: the only places that know them all.
    "app": wall({"*"}, {"*"}),
    "auto": wall({"engine*", "runtime"}, {"torch*"}),
    "bench": EVERYTHING,
    "cli": wall({"*"}, {"*"}),
    "__main__": EVERYTHING,
    "": EVERYTHING,
}  # fmt: skip
# A floor above imports a floor below. Composers stand above all, in this order.
COMPOSERS = ["app", "bench", "cli", "__main__"]


@dataclass(frozen=True)
class Import:
    name: str
    line: int
    lazy: bool  # inside a function, or for type checkers only


def module_of(path: Path) -> str:
    """``ui/context.py`` → ``ui.context``."""
    parts = path.relative_to(ROOT / PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def imports_of(path: Path) -> tuple[Import, ...]:
    tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
    return tuple(_imports(tree, False, path))


def _imports(node: ast.AST, lazy: bool, path: Path) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.stmt | ast.excepthandler | ast.match_case):
            continue  # no import stands in an expression
        inside = lazy or isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef)
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            inside = True
        if isinstance(child, ast.Import):
            for alias in child.names:
                yield Import(alias.name, child.lineno, inside)
        elif isinstance(child, ast.ImportFrom):
            assert child.level == 0, f"{path}:{child.lineno}: relative import"
            for alias in child.names:
                full = f"{child.module}.{alias.name}"
                is_module = (ROOT / full.replace(".", "/")).with_suffix(".py").exists() or (
                    ROOT / full.replace(".", "/")
                ).is_dir()
                named = is_module or child.module == "PySide6"
                yield Import(full if named else str(child.module), child.lineno, inside)
        else:
            yield from _imports(child, inside, path)


def matches(name: str, patterns: frozenset[str] | set[str]) -> bool:
    for pattern in patterns:
        stem = pattern.removesuffix("*")
        if name == stem or (pattern.endswith("*") and (not stem or name.startswith(stem + "."))):
            return True
    return False


def wall_of(module: str) -> Wall:
    for name, found in WALLS.items():
        if module == name or (name and module.startswith(name + ".")):
            return found
    raise AssertionError(f"{module} has no place in the house: give it one in WALLS")


def broken(module: str, imported: Import) -> bool:
    rules = wall_of(module)
    name = imported.name
    if name == PACKAGE:
        return True  # the package's face imports the top
    if name.startswith(PACKAGE + "."):
        ours = name.removeprefix(PACKAGE + ".")
        top = module.partition(".")[0]
        if top in COMPOSERS and ours.partition(".")[0] in COMPOSERS[COMPOSERS.index(top) + 1 :]:
            return True
        return not (matches(ours, rules.ours) or (imported.lazy and matches(ours, rules.lazily)))
    top = name.partition(".")[0]
    if top in sys.stdlib_module_names:
        return top in rules.never
    return not (matches(name, rules.others) or (imported.lazy and matches(name, rules.lazily)))


def floor_of(path: Path) -> str:
    return module_of(path).partition(".")[0] or "__init__"


@pytest.mark.parametrize("floor", sorted({floor_of(path) for path in FILES}))
def test_every_import_keeps_to_the_plan(floor: str) -> None:
    wrong = [
        f"{module_of(path)}, line {item.line}: {item.name}"
        for path in FILES
        if floor_of(path) == floor
        for item in imports_of(path)
        if broken(module_of(path), item)
    ]
    assert not wrong, f"may not import: {'; '.join(wrong)}"


@pytest.mark.parametrize(
    ("module", "name", "lazy"),
    [
        ("ui.chat.panel", "sqlite3", True),
        ("ui.chat.panel", "torch", True),
        ("ui.context", "autogpt_desktop.engine.load", False),
        ("engine.load", "PySide6.QtCore", True),
        ("engine.formats.gguf", "torch", True),
        ("engine.native.weights", "autogpt_desktop.engine.torch_backend.linear", True),
        ("engine.interface", "torch", False),
        ("engine.load", "autogpt_desktop.settings", True),
        ("tasks.chat", "torch", True),
        ("catalog.installed", "autogpt_desktop.engine.load", True),
        ("catalog.installed", "torch", False),
        ("storage.conversations.store", "PySide6.QtCore", False),
        ("worker", "autogpt_desktop.events", False),
        ("worker", "PySide6.QtWidgets", False),
        ("events", "autogpt_desktop.errors", False),
    ],
)
def test_the_walls_would_be_seen_broken(module: str, name: str, lazy: bool) -> None:
    assert broken(module, Import(name, 1, lazy))


def import_graph() -> dict[str, set[str]]:
    """Which of our files each one imports, in functions and for type checkers too."""
    modules = {module_of(path): path for path in FILES}
    graph: dict[str, set[str]] = {}
    for module, path in modules.items():
        names = {item.name.removeprefix(PACKAGE).removeprefix(".") for item in imports_of(path) if ours(item)}
        graph[module] = {name for name in names if name in modules and name != module}
    return graph


def ours(imported: Import) -> bool:
    return imported.name == PACKAGE or imported.name.startswith(PACKAGE + ".")


def circles(graph: dict[str, set[str]]) -> list[set[str]]:
    """The strongly connected components of more than one file."""
    reach: dict[str, set[str]] = {}
    for module in graph:
        seen: set[str] = set()
        stack = list(graph[module])
        while stack:
            name = stack.pop()
            if name not in seen:
                seen.add(name)
                stack.extend(graph[name])
        reach[module] = seen
    found: list[set[str]] = []
    for module in graph:
        circle = {name for name in reach[module] if module in reach[name]}
        if circle and circle not in found:
            found.append(circle)
    return found


def test_no_circles_between_files() -> None:
    new = [sorted(circle) for circle in circles(import_graph())]
    assert not new, f"files that import each other: {new}"


def test_a_circle_would_be_seen() -> None:
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == [{"a", "b", "c"}]
    assert circles({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


def fresh(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)


def test_the_window_does_not_load_torch() -> None:
    done = fresh(
        "import sys, autogpt_desktop.ui.shell.main_window\n"
        "print(sorted({'torch', 'transformers', 'tokenizers', 'sympy'} & set(sys.modules)))"
    )
    assert done.stdout.strip() == "[]", done.stdout + done.stderr


SHOWN = """
import sys
from autogpt_desktop import app

application = app.make_application()
_context, window = app.make_window()
window.show()
application.processEvents()
not_needed = {"torch", "numpy", "http.client", "ssl", "email", "asyncio", "markdown_it", "pygments"}
print(window._painted, sorted(not_needed & set(sys.modules)))
"""


def test_what_is_imported_behind_the_window_s_library_is_not_searched() -> None:
    """PySide reads the source of every module, and Python's ``linecache`` keeps it."""
    done = fresh(
        "import linecache, sys\n"
        "import PySide6.QtCore\n"
        "from autogpt_desktop import app\n"
        "app.spare_imports()\n"
        "import pygments.lexers.css\n"
        "print([file for file in linecache.cache if 'pygments' in file], 'pygments' in sys.modules)"
    )
    assert done.stdout.strip() == "[] True", done.stdout + done.stderr


@pytest.mark.slow
def test_the_first_picture_waits_for_nothing_that_it_does_not_show(tmp_path: Path) -> None:
    """NumPy alone takes as long as all of the window."""
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "AUTOGPT_DESKTOP_HOME": str(tmp_path)}
    command = [sys.executable, "-c", f"{SHOWN}\nimport os; sys.stdout.flush(); os._exit(0)"]
    for _ in range(2):  # the first start of all reads the headers of models
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=environment, check=False)
    assert done.stdout.strip() == "True []", done.stdout + done.stderr


def test_the_tasks_and_the_catalog_do_not_load_torch_or_qt() -> None:
    done = fresh(
        "import sys, autogpt_desktop.tasks.chat, autogpt_desktop.catalog.download\n"
        "import autogpt_desktop.catalog.installed, autogpt_desktop.settings\n"
        "import autogpt_desktop.storage.conversations.store\n"
        "print(sorted({'torch', 'PySide6'} & set(sys.modules)))"
    )
    assert done.stdout.strip() == "[]", done.stdout + done.stderr


def test_the_engine_s_formats_tokenizers_and_kernels_do_not_load_torch() -> None:
    free = [
        module for module in map(module_of, FILES) if matches(module, {f"{name}*" for name in TORCH_FREE})
    ]
    modules = ", ".join(f"{PACKAGE}.{module}" for module in free if module != NATIVE_DECODER)
    done = fresh(f"import sys, {modules}\nprint('torch' in sys.modules)")
    assert done.stdout.strip() == "False", done.stdout + done.stderr


def test_nothing_but_tests_reaches_for_the_tests_libraries() -> None:
    """What only the lock file for tests brings is not there for users."""
    test_only = {"transformers", "gguf", "hypothesis", "pytest"}
    wrong = [
        f"{module_of(path)}: {item.name}"
        for path in FILES
        for item in imports_of(path)
        # the benchmark's peer, which says so where it is missing
        if item.name.partition(".")[0] in test_only and module_of(path) != "bench.speed.transformers_peer"
    ]
    assert not wrong
