"""A question and what became of it, and how both are written down as text."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from autogpt_desktop.events import Notice
from autogpt_desktop.i18n import tr
from autogpt_desktop.tasks.answer.document import DocumentPlace
from autogpt_desktop.tasks.answer.evidence import Finding, Place

HIGH, FAIR = 0.8, 0.6  # confidence from which on it is called so
DETAILS = ("notice.also-asked",)  # what the models did: of interest to those who ask
LANGUAGE = (  # what a model does not know, and what was done about it
    "notice.question-language",
    "notice.files-language",
    "notice.also-asked",
    "notice.question-not-translated",
)


@dataclass(eq=False)
class QuestionTurn:
    """``state``: "waiting" behind another one, "running", "done", "stopped" or "failed"."""

    question: str
    source: str  # the collection's name; "": a text that was pasted
    places: tuple[Place, ...] = ()
    text: str = ""  # what was streamed so far
    finding: Finding | None = None
    notices: list[Notice] = field(default_factory=list)
    error: BaseException | None = None
    state: str = "running"
    status: str = ""  # what is being done now, in words
    pasted: str = ""  # the text that was asked about, where it was a pasted one

    @property
    def read_as(self) -> str:
        """The question as it was read, where that is not how it was written."""
        read = self.finding.answered.question if self.finding else ""
        return read if read and read != self.question else ""

    @property
    def answered(self) -> bool:
        return self.finding is not None and self.finding.answered.answered

    @property
    def is_phrase(self) -> bool:
        """The answer is a phrase of the first passage that is cited, letter by letter."""
        if self.finding is None or not self.finding.answered.citations:
            return False
        first = self.finding.answered.citations[0]
        text = self.places[first.passage].passage.text
        return text[first.start : first.end] == self.finding.answered.answer

    def subject(self) -> str:
        """What the next question may refer to: this one, and a short answer."""
        read = self.finding.answered.question if self.finding else self.question
        return f"{read} {self.finding.answered.answer}" if self.finding and self.is_phrase else read

    def cited(self) -> list[int]:
        """The places that the answer cites, from 0, each once."""
        if self.finding is None:
            return []
        return list(dict.fromkeys(one.passage for one in self.finding.answered.citations))

    def span(self, place: int) -> tuple[int, int]:
        """What to look at in a place's passage: the cited phrase, else the sentence that matches."""
        if self.finding is not None:
            for one in self.finding.answered.citations:
                if one.passage == place:
                    return one.start, one.end
        return self.places[place].start, self.places[place].end

    def sentence(self, place: int) -> tuple[int, int]:
        """The sentence around ``span``."""
        if self.finding is not None:
            for one, around in zip(self.finding.answered.citations, self.finding.sentences, strict=True):
                if one.passage == place:
                    return around
        return self.places[place].start, self.places[place].end

    def marks(self, text: str, number: int) -> tuple[list[tuple[int, int, int, int]], int]:
        """Where ``text``, the pasted one, is to be marked for the cited places and for ``number``.

        (start and end of the sentence, start and end of the phrase) of each place that still stands there,
        and which of them belongs to ``number``; -1: none.
        """
        marks: list[tuple[int, int, int, int]] = []
        current = -1
        for place in sorted({*self.cited(), number}):
            passage = self.places[place].passage
            if text[passage.start : passage.end] != passage.text:
                continue
            if place == number:
                current = len(marks)
            (a, b), (c, d) = self.sentence(place), self.span(place)
            marks.append((passage.start + a, passage.start + b, passage.start + c, passage.start + d))
        return marks, current

    def where(self, place: int) -> Path:
        """The file of a place, also where it was moved to since it was read."""
        path = self.places[place].passage.path
        for notice in self.notices:
            if notice.key == "notice.file-moved" and notice.values.get("file") == path.name:
                return Path(notice.values["path"])
        return path

    def document_places(self, number: int) -> list[DocumentPlace]:
        """Where to look in the file of a place: there first, then the other evidence of that file."""
        path = self.places[number].passage.path
        same = [at for at, one in enumerate(self.places) if at != number and one.passage.path == path]
        return [self._document_place(at) for at in (number, *same)]

    def _document_place(self, number: int) -> DocumentPlace:
        passage = self.places[number].passage
        start, end = self.span(number)
        if start == end:  # nothing in it stands out
            start, end = 0, len(passage.text)
        return DocumentPlace(passage.start + start, passage.start + end, passage.text[start:end])

    def answer_text(self) -> str:
        """The answer as a plain text: for a phrase, the sentence that it stands in."""
        if self.finding is None:
            return self.text.strip()
        if not self.answered:
            return not_found_text(self.source)
        if not self.is_phrase:
            return self.text.strip()
        place = self.finding.answered.citations[0].passage
        start, end = self.sentence(place)
        numbers = "".join(f" [{number + 1}]" for number in self.cited())
        return f"{' '.join(self.places[place].passage.text[start:end].split())}{numbers}"

    def as_text(self) -> str:
        """Question, answer and sources, to be pasted elsewhere."""
        lines = [self.question, "", self.answer_text()]
        if self.source and self.answered:
            lines.append("")
            lines += [f"[{number + 1}] {self.source_text(number)}" for number in self.cited()]
        return "\n".join(lines)

    def source_text(self, place: int) -> str:
        passage = self.places[place].passage
        page = page_text(passage.page)
        return " · ".join(part for part in (passage.title, page, str(passage.path)) if part)


def not_found_text(source: str) -> str:
    """The plain sentence for an answer that is not there."""
    return tr("These documents do not say it.") if source else tr("This text does not say it.")


def page_text(page: str) -> str:
    """A page's label in words: numbers are pages, the rest names itself."""
    return tr("page {n}", n=page) if page.isdigit() else page


def confidence_text(confidence: float) -> str:
    """How sure the answer is, in a word."""
    if confidence >= HIGH:
        return tr("Confidence: high")
    return tr("Confidence: fair") if confidence >= FAIR else tr("Confidence: low")
