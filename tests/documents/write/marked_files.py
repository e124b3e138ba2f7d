"""Files of every kind with formatted spans, and what became of these in a translation.

``python -m tests.documents.write.marked_files PACK FOLDER en pt`` translates one of each kind with a pack,
says how many spans were lost or doubled, and lists all of them, to be looked at by hand.
"""

from __future__ import annotations

import html
import json
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import docx
import openpyxl
import pptx
import yaml
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from lxml import etree
from markdown_it import MarkdownIt
from openpyxl.cell.rich_text import CellRichText, TextBlock
from openpyxl.cell.text import InlineFont

from tests.documents.write.packages import members, with_member
from tests.documents.write.test_epub import BODY, book
from tests.documents.write.test_opendocument import opendocument

Sentence = list[tuple[str, str]]  # (mark, text): "b", "i", "a" (a link), "c" (code) or ""
_SIGNS = {"*": "b", "_": "i", "[": "a", "`": "c"}
_SPAN = re.compile(r"\*([^*]+)\*|\b_([^_]+)_\b|\[([^\]]+)\]|`([^`]+)`")
PLACEHOLDER = re.compile(r"\{\w+\}|%s")
_DATA = Path(__file__).parents[2] / "data/translate/marked-sentences.txt"


def sentences(language: str) -> list[Sentence]:
    """40 sentences with 160 marks and 40 placeholders in English ("en") or Portuguese ("pt")."""
    found: dict[str, list[Sentence]] = {}
    for line in _DATA.read_text(encoding="utf-8").splitlines():
        if len(line) == 2:
            language_now = found.setdefault(line, [])
            continue
        pieces, at = [], 0
        for span in _SPAN.finditer(line):
            pieces += [("", line[at : span.start()]), (_SIGNS[span[0][0]], str(span[span.lastindex or 1]))]
            at = span.end()
        language_now.append([piece for piece in [*pieces, ("", line[at:])] if piece[1]])
    return found[language]


def merged(pieces: Iterator[tuple[str, str]]) -> Sentence:
    """Pieces with the same mark beside each other are one."""
    found: Sentence = []
    for mark, text in pieces:
        if found and found[-1][0] == mark:
            found[-1] = mark, found[-1][1] + text
        elif text:
            found.append((mark, text))
    return found


def marked(sentence: Sentence) -> str:
    return "".join(f"<{mark}>{text}</{mark}>" if mark else text for mark, text in sentence)


def faults(source: Sentence, made: Sentence, marks: str = "biac") -> list[str]:
    """What was lost or doubled. ``marks``: those that this kind of file has."""

    def counted(sentence: Sentence) -> Counter[str]:
        text = "".join(text for _, text in sentence)
        found = Counter(mark for mark, text in sentence if mark in marks and mark and text.strip())
        return found + Counter(PLACEHOLDER.findall(text))

    before, after = counted(source), counted(made)
    return [f"lost {one}" for one in before - after] + [f"doubled {one}" for one in after - before]


# --- HTML and what is written alike ------------------------------------------------------------------------

_TAGS = {"b": "b", "i": "i", "a": "a", "c": "code"}


def _html(sentence: Sentence, number: int) -> str:
    made = []
    for mark, text in sentence:
        words = html.escape(text, quote=False)
        link = f' href="u{number}"' if mark == "a" else ""
        made.append(f"<{_TAGS[mark]}{link}>{words}</{_TAGS[mark]}>" if mark else words)
    return "".join(made)


def _from_tree(element: Any) -> Sentence:
    names = {"b": "b", "strong": "b", "i": "i", "em": "i", "a": "a", "code": "c"}

    def walk(at: Any, mark: str) -> Iterator[tuple[str, str]]:
        yield mark, at.text or ""
        for child in at:
            yield from walk(child, names.get(etree.QName(child).localname, mark))
            yield mark, child.tail or ""

    return merged(walk(element, ""))


def _from_html(text: str) -> Sentence:
    return _from_tree(etree.fromstring(f"<p>{text}</p>", etree.HTMLParser()).find(".//p"))


def _write_html(path: Path, given: Sequence[Sentence]) -> None:
    body = "\n".join(f"<p>{_html(one, number)}</p>" for number, one in enumerate(given))
    path.write_text(f"<html><body>\n{body}\n</body></html>", encoding="utf-8")


def _read_html(path: Path) -> list[Sentence]:
    tree = etree.fromstring(path.read_bytes(), etree.HTMLParser(encoding="utf-8"))
    return [_from_tree(each) for each in tree.iter("p")]


def _write_epub(path: Path, given: Sequence[Sentence]) -> None:
    body = "".join(f"<p>{_html(one, number)}</p>" for number, one in enumerate(given))
    book(path)
    with_member(path, "OPS/text/one.xhtml", lambda page: page.replace(BODY.encode(), body.encode()))


def _read_epub(path: Path) -> list[Sentence]:
    tree = etree.fromstring(members(path)["OPS/text/one.xhtml"])
    return [_from_tree(each) for each in tree.iter("{*}p")]


def _write_markdown(path: Path, given: Sequence[Sentence]) -> None:
    def line(sentence: Sentence) -> str:
        signs = {"b": "**{}**", "i": "*{}*", "a": "[{}](u)", "c": "`{}`", "": "{}"}
        return "".join(signs[mark].format(text) for mark, text in sentence)

    path.write_text("\n\n".join(map(line, given)), encoding="utf-8")


def _read_markdown(path: Path) -> list[Sentence]:
    made = MarkdownIt("commonmark").render(path.read_text(encoding="utf-8"))
    return [_from_tree(each) for each in etree.fromstring(f"<x>{made}</x>").iter("p")]


# --- office files ------------------------------------------------------------------------------------------


def _write_docx(path: Path, given: Sequence[Sentence]) -> None:
    document = docx.Document()
    for number, sentence in enumerate(given):
        paragraph = document.add_paragraph()
        for mark, text in sentence:
            run = paragraph.add_run(text)
            run.bold, run.italic = (mark == "b") or None, (mark == "i") or None
            if mark == "c":
                run.font.name = "Consolas"
            if mark == "a":
                link = OxmlElement("w:hyperlink")
                link.set(qn("w:anchor"), f"u{number}")
                run._r.addprevious(link)
                link.append(run._r)
    document.save(str(path))


def _read_docx(path: Path) -> list[Sentence]:
    def pieces(paragraph: Any) -> Iterator[tuple[str, str]]:
        for run in paragraph.iter(qn("w:r")):
            text = "".join(each.text or "" for each in run.iter(qn("w:t")))
            names = {"b": qn("w:b"), "i": qn("w:i"), "c": qn("w:rFonts")}
            found = [mark for mark, name in names.items() if run.find(f"{qn('w:rPr')}/{name}") is not None]
            is_link = run.getparent().tag == qn("w:hyperlink")
            yield ("a" if is_link else "".join(found)), text

    return [merged(pieces(each)) for each in docx.Document(str(path)).element.iter(qn("w:p"))]


def _write_pptx(path: Path, given: Sequence[Sentence]) -> None:
    deck = pptx.Presentation()
    for number, sentence in enumerate(given):
        box = deck.slides.add_slide(deck.slide_layouts[6]).shapes.add_textbox(0, 0, 9, 9)
        paragraph = box.text_frame.paragraphs[0]
        for mark, text in sentence:
            run = paragraph.add_run()
            run.text, run.font.bold, run.font.italic = text, (mark == "b") or None, (mark == "i") or None
            if mark == "c":
                run.font.name = "Consolas"
            if mark == "a":
                run.hyperlink.address = f"https://a.org/{number}"
    deck.save(str(path))


def _read_pptx(path: Path) -> list[Sentence]:
    def pieces(paragraph: Any) -> Iterator[tuple[str, str]]:
        for run in paragraph.runs:
            marks = {
                "b": run.font.bold, "i": run.font.italic, "c": run.font.name, "a": run.hyperlink.address,
            }  # fmt: skip
            yield "".join(mark for mark, value in marks.items() if value), run.text

    slides = pptx.Presentation(str(path)).slides
    return [merged(pieces(slide.shapes[0].text_frame.paragraphs[0])) for slide in slides]


_FONTS = {"b": {"b": True}, "i": {"i": True}, "a": {"u": "single"}, "c": {"rFont": "Consolas"}}


def _write_xlsx(path: Path, given: Sequence[Sentence]) -> None:
    workbook = openpyxl.Workbook()
    for number, sentence in enumerate(given, start=1):
        workbook.active.cell(number, 1).value = CellRichText(
            *(TextBlock(InlineFont(**_FONTS[mark]), text) if mark else text for mark, text in sentence)
        )
    workbook.save(str(path))


def _read_xlsx(path: Path) -> list[Sentence]:
    def pieces(cell: Any) -> Iterator[tuple[str, str]]:
        for piece in cell.value if isinstance(cell.value, CellRichText) else [str(cell.value)]:
            font = None if isinstance(piece, str) else piece.font
            marks = {} if font is None else {"b": font.b, "i": font.i, "a": font.u, "c": font.rFont}
            yield "".join(mark for mark, value in marks.items() if value), str(piece)

    sheet = openpyxl.load_workbook(path, rich_text=True).active
    return [merged(pieces(row[0])) for row in sheet.rows]


def _write_opendocument(path: Path, given: Sequence[Sentence]) -> None:
    def paragraph(sentence: Sentence, number: int) -> str:
        made = []
        for mark, text in sentence:
            words = html.escape(text, quote=False)
            if mark == "a":
                words = f'<text:a xlink:href="u{number}">{words}</text:a>'
            elif mark:
                words = f'<text:span text:style-name="{mark}">{words}</text:span>'
            made.append(words)
        return f"<text:p>{''.join(made)}</text:p>"

    body = "".join(paragraph(one, number) for number, one in enumerate(given))
    if path.suffix == ".ods":
        cells = re.sub("<text:p>.*?</text:p>", r"<table:table-cell>\g<0></table:table-cell>", body)
        body = f"<table:table><table:table-row>{cells}</table:table-row></table:table>"
    elif path.suffix == ".odp":
        body = f"<draw:page><draw:frame><draw:text-box>{body}</draw:text-box></draw:frame></draw:page>"
    opendocument(path, body)


def _read_opendocument(path: Path) -> list[Sentence]:
    def walk(at: Any, mark: str) -> Iterator[tuple[str, str]]:
        yield mark, at.text or ""
        for child in at:
            name = etree.QName(child).localname
            style = next((value for key, value in child.attrib.items() if key.endswith("style-name")), "")
            yield from walk(child, "a" if name == "a" else style)
            yield mark, child.tail or ""

    tree = etree.fromstring(members(path)["content.xml"])
    return [merged(walk(each, "")) for each in tree.iter("{*}p")]


# --- subtitles ---------------------------------------------------------------------------------------------


def _write_subtitles(path: Path, given: Sequence[Sentence]) -> None:
    kind = path.suffix[1:]
    tags = {"b": "b", "i": "i", "a": "u", "c": "c.code" if kind == "vtt" else "font"}
    mark = "." if kind == "vtt" else ","

    def spoken(sentence: Sentence) -> str:
        if kind == "ass":
            ass = {"b": "b", "i": "i", "a": "u", "c": "s"}
            return "".join(
                f"{{\\{ass[mark]}1}}{text}{{\\{ass[mark]}0}}" if mark else text
                for mark, text in expected(path.suffix, [sentence])[0]
            )
        return "".join(
            f"<{tags[mark]}>{text}</{tags[mark].partition('.')[0]}>" if mark else text
            for mark, text in sentence
        )

    if kind == "ass":
        head = "[Events]\nFormat: Layer, Start, End, Style, Text\n"
        lines = [f"Dialogue: 0,0:00:{n:02}.00,0:00:{n:02}.90,D,{spoken(one)}" for n, one in enumerate(given)]
        path.write_text(head + "\n".join(lines) + "\n", encoding="utf-8")
        return
    cues = [
        f"{n}\n00:00:{n:02}{mark}000 --> 00:00:{n:02}{mark}900\n{spoken(one)}\n"
        for n, one in enumerate(given)
    ]
    path.write_text(("WEBVTT\n\n" if kind == "vtt" else "") + "\n".join(cues), encoding="utf-8")


def _read_subtitles(path: Path) -> list[Sentence]:
    text = path.read_text(encoding="utf-8")
    names = {"b": "b", "i": "i", "u": "a", "s": "c", "c": "c", "font": "c"}

    def pieces(spoken: str) -> Iterator[tuple[str, str]]:
        mark = ""
        for piece in re.split(r"(<[^>]+>|\{\\\w\d\})", spoken):
            tag = re.fullmatch(r"<(/?)(\w+)[^>]*>|\{\\(\w)([01])\}", piece)
            if tag is None:
                yield mark, html.unescape(piece)
            else:
                mark = "" if tag[1] or tag[4] == "0" else names[tag[2] or tag[3]]

    if path.suffix == ".ass":
        return [
            merged(pieces(line.split(",", 4)[4])) for line in text.splitlines() if line.startswith("Dial")
        ]
    cues = [cue.split("\n", 2)[2].rstrip("\n") for cue in text.split("\n\n") if "-->" in cue]
    return [merged(pieces(cue)) for cue in cues]


# --- texts of programs -------------------------------------------------------------------------------------


def _write_messages(path: Path, given: Sequence[Sentence]) -> None:
    texts = {f"k{number}": _html(one, number) for number, one in enumerate(given)}
    made = {
        ".json": lambda: json.dumps(texts, indent=1),
        ".arb": lambda: json.dumps(texts, indent=1),
        ".yaml": lambda: yaml.safe_dump(texts, allow_unicode=True, width=9999, sort_keys=False),
        ".properties": lambda: "".join(f"{key}={text}\n" for key, text in texts.items()),
        ".strings": lambda: "".join(f'"{key}" = {json.dumps(text)};\n' for key, text in texts.items()),
        ".po": lambda: (
            'msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\n"\n\n'
            + "".join(
                f'msgid {json.dumps(text, ensure_ascii=False)}\nmsgstr ""\n\n' for text in texts.values()
            )
        ),
    }[path.suffix]
    path.write_text(made(), encoding="utf-8")


def _read_messages(path: Path) -> list[Sentence]:
    text = path.read_text(encoding="utf-8")
    if path.suffix in (".json", ".arb"):
        found = [value for key, value in json.loads(text).items() if not key.startswith("@")]
    elif path.suffix == ".yaml":
        found = [*yaml.safe_load(text).values()]
    elif path.suffix == ".properties":
        lines = [line.partition("=")[2] for line in text.splitlines() if "=" in line]
        found = [re.sub(r"\\u(....)", lambda one: chr(int(one[1], 16)), line) for line in lines]
    elif path.suffix == ".strings":
        found = [json.loads(one) for one in re.findall(r"= (\".*\");", text)]
    else:
        entries = text.split("\n\n")[1:]
        found = ["".join(map(json.loads, re.findall(r'^(?:msgstr )?(".*")$', part, re.M))) for part in (
            entry.partition("msgstr")[2].strip() for entry in entries
        ) if part]  # fmt: skip
    return [_from_html(one) for one in found]


def _write_xliff(path: Path, given: Sequence[Sentence]) -> None:
    def unit(sentence: Sentence, number: int) -> str:
        made = [
            f'<g id="{mark}">{html.escape(text)}</g>' if mark else html.escape(text)
            for mark, text in sentence
        ]
        return f'<trans-unit id="{number}"><source>{"".join(made)}</source></trans-unit>'

    units = "\n".join(unit(one, number) for number, one in enumerate(given))
    path.write_text(
        '<xliff version="1.2" xmlns="urn:oasis:names:tc:xliff:document:1.2"><file original="a"'
        f' source-language="en" datatype="plaintext"><body>{units}</body></file></xliff>',
        encoding="utf-8",
    )


def _read_xliff(path: Path) -> list[Sentence]:
    def walk(at: Any) -> Iterator[tuple[str, str]]:
        yield at.get("id", ""), at.text or ""
        for child in at:
            yield from walk(child)
            yield "", child.tail or ""

    return [merged(walk(each)) for each in etree.parse(path).iter("{*}target")]


Write, Read = Callable[[Path, Sequence[Sentence]], None], Callable[[Path], list[Sentence]]
KINDS: dict[str, tuple[Write, Read]] = {
    ".html": (_write_html, _read_html),
    ".md": (_write_markdown, _read_markdown),
    ".docx": (_write_docx, _read_docx),
    ".pptx": (_write_pptx, _read_pptx),
    ".xlsx": (_write_xlsx, _read_xlsx),
    **dict.fromkeys((".odt", ".odp", ".ods"), (_write_opendocument, _read_opendocument)),
    ".epub": (_write_epub, _read_epub),
    **dict.fromkeys((".srt", ".vtt", ".ass"), (_write_subtitles, _read_subtitles)),
    **dict.fromkeys(
        (".po", ".json", ".arb", ".yaml", ".properties", ".strings"), (_write_messages, _read_messages)
    ),
    ".xliff": (_write_xliff, _read_xliff),
}


def expected(suffix: str, given: Sequence[Sentence]) -> list[Sentence]:
    """What is in the file: braces are instructions in ASS."""
    if suffix != ".ass":
        return [*given]
    return [[(mark, text.replace("{", "(").replace("}", ")")) for mark, text in one] for one in given]


def report(pack: Path, folder: Path, source: str, target: str) -> Iterator[str]:
    """Each kind translated: a line for each sentence with a fault, and all sentences."""
    from autogpt_desktop.events import Result
    from autogpt_desktop.runtime import open_models
    from autogpt_desktop.settings import Settings
    from autogpt_desktop.tasks.translate.files import translate_file

    models = open_models(Settings(), {"translate": str(pack)}, "cpu")
    given = sentences(source)
    first: list[Sentence] = []
    for suffix, (write, read) in KINDS.items():
        path = folder / f"marked.{source}{suffix}"
        write(path, given)
        before = expected(suffix, given)
        with models.job() as job:
            for event in translate_file(job, path, folder / f"marked.{target}{suffix}", source, target):
                if isinstance(event, Result):
                    made = read(event.value.out)
        assert len(made) == len(before), (suffix, len(made))
        wrong = [
            (one, fault)
            for one, (old, new) in enumerate(zip(before, made, strict=True))
            for fault in faults(old, new)
        ]
        yield f"== {suffix}: {len(wrong)} lost or doubled"
        yield from (f"   {one}: {fault}: {marked(made[one])}" for one, fault in wrong)
        first = first or made
        for number, (old, new) in enumerate(zip(given, made, strict=True)):
            if suffix == ".html" or marked(new) != marked(first[number]):
                yield f"{number} {marked(old)}\n   {marked(new)}"
    models.unload()


if __name__ == "__main__":
    pack_, folder_, *pair_ = sys.argv[1:]
    for line_ in report(Path(pack_), Path(folder_), *pair_):
        print(line_, flush=True)
