"""What stands in a formula of its own is no Markdown; items have their marks, whatever they begin with."""

from __future__ import annotations

import random

import pytest

from autogpt_desktop.ui.chat.messages.growing import GrowingLines
from autogpt_desktop.ui.chat.messages.lines import Line
from autogpt_desktop.ui.chat.messages.markdown_parse import plain_text


def lines_of(text: str) -> list[Line]:
    growing = GrowingLines(12.0, dark=False)
    growing.grow(text)
    assert all(isinstance(line, Line) for line in growing.lines)
    return [line for line in growing.lines if isinstance(line, Line)]


def formulas_of(lines: list[Line]) -> list[str]:
    return [run.formula for line in lines for run in line.runs if run.formula and not run.hidden]


BODIES = [
    "a + b", "\na\n\n= b\n", "\n- a\n- b\n", "\n1. x\n= y\n", "\n# a^2\n", "\n> 0\n", "\n```\nx_1\n",
          "\na\n---\nb\n", "\n===\nc\n", "\n| a | b |\n|---|---|\n", "\n    x^2\n", 
    "\n+ 1\n\n\n* 2\n",
]  # fmt: skip


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize(("opening", "closing"), [("$$", "$$"), (r"\[", r"\]")])
def test_nothing_in_a_formula_is_markdown(body: str, opening: str, closing: str) -> None:
    formula = f"{opening}{body}{closing}"
    for before, prefix in (("So:\n\n", ""), ("So:\n", ""), ("- item\n\n", "  "), ("> said\n>\n", "> ")):
        inner = "\n".join(prefix + line for line in formula.split("\n"))
        lines = lines_of(f"{before}{inner}\n\nand **more**")
        assert formulas_of(lines) == [" ".join(formula.split())]
        assert lines[-1].runs[-1].bold
        assert not any(line.heading or line.code or line.rule for line in lines)


@pytest.mark.parametrize("name", ["align", "align*", "equation", "cases", "gather*"])
def test_an_environment_of_latex_is_a_formula(name: str) -> None:
    """Models write them with no marks around; as Markdown they would lose their backslashes."""
    source = f"\\begin{{{name}}}\na &= b \\\\\n*c* &= d\n\\end{{{name}}}"
    growing, text = GrowingLines(12.0, dark=False), f"So:\n\n{source}.\n\n- and **more**\n"
    for cut in range(1, len(text) + 1):
        growing.grow(text[:cut])
    lines = lines_of(text)
    assert growing.lines == lines
    assert formulas_of(lines) == [f"$${' '.join(source.split())}$$"]
    assert [run.text for run in lines[1].runs if run.hidden] == [" ".join(source.split())]
    assert lines[2].item


def test_what_is_no_formula() -> None:
    assert not formulas_of(lines_of("\\begin{document}\na\n\\end{document}\n"))
    assert not formulas_of(lines_of("It costs $$\n\nand *that* $$ is much"))
    assert not formulas_of(lines_of("$$ money\n\n- **a**\n- b\n\nno end"))
    lines = lines_of("$$\n" + "a line\n\n" * 60 + "**bold**")  # nobody closes it: it is none
    assert lines[-1].runs[0].bold
    assert not formulas_of(lines_of("> $$\n> a\n\nb\n$$"))  # the quotation ends before it


def test_a_formula_that_comes_is_no_list_on_the_way() -> None:
    growing = GrowingLines(12.0, dark=False)
    text = "So:\n\n$$\n- a\n\n# b\n$$\n\n- item"
    for cut in range(1, len(text) + 1):
        growing.grow(text[:cut])
        items = [line for line in growing.lines if isinstance(line, Line) and (line.item or line.heading)]
        assert not items or "$$\n\n-" in text[:cut]
    assert growing.lines == lines_of(text)


@pytest.mark.parametrize("seed", range(30))
def test_formulas_streamed_are_as_read_whole(seed: int) -> None:
    rng = random.Random(seed)
    pieces = ["$$\n", "$$", "\\[\n", "\\]\n", "a^2\n", "\n", "- b\n", "> c\n", "- $$\n  d\n",
              "  $$\n",               "# t\n", "```\n", "text\n", "$$x$$\n"]  # fmt: skip
    text = "".join(rng.choice(pieces) for _ in range(rng.randint(3, 30)))
    grown, whole = GrowingLines(12.0, dark=False), GrowingLines(12.0, dark=False)
    for cut in range(1, len(text) + 1):
        grown.grow(text[:cut])
    whole.grow(text)
    assert grown.lines == whole.lines


def test_a_formula_is_found_by_its_words() -> None:
    assert "a + b" in plain_text("So:\n\n$$\na + b\n\n= c\n$$")


@pytest.mark.parametrize(
    "inner", ["```python\n  x = 1\n  ```", "| a |\n  |---|\n  | b |", "***", "$$\n  a\n  $$"]
)
def test_an_item_that_begins_with_something_else_has_its_mark(inner: str) -> None:
    growing = GrowingLines(12.0, dark=False)
    growing.grow(f"- before\n- {inner}\n- behind\n")
    items = [line.item.number for line in growing.lines if isinstance(line, Line) and line.item]
    assert items == [0, 1, 2]
