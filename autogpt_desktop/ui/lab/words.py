"""What runs, their kinds and their states are called."""

from __future__ import annotations

from autogpt_desktop.i18n import message, tr
from autogpt_desktop.lab.runs.folder import Run
from autogpt_desktop.lab.runs.spec import RunSpec

ADAPT, NEW, HEAD, EMBED, ANSWER = "adapt", "new", "head", "embed", "answer"


def kind_name(spec: RunSpec) -> str:
    names = {
        ADAPT: tr("Adapted model"),
        NEW: tr("New model"),
        HEAD: tr("My labels"),
        EMBED: tr("Search by meaning"),
        ANSWER: tr("Answers from texts"),
    }
    return names[spec.task if spec.task in (EMBED, ANSWER) else spec.kind]


def state_name(state: str) -> str:
    names = {
        "waiting": tr("Not begun"),
        "running": tr("Running"),
        "stopped": tr("Stopped, usable"),
        "interrupted": tr("Was cut, can be resumed"),
        "finished": tr("Finished"),
        "failed": tr("Failed"),
    }
    return names.get(state, state)


def state_text(run: Run) -> str:
    """The state, and why it failed."""
    if run.state == "failed" and run.error is not None:
        return message(run.error)
    return state_name(run.state)


def minutes_name(minutes: float) -> str:
    if minutes < 60:
        return tr("{n} minutes", n=f"{minutes:g}") if minutes != 1 else tr("1 minute")
    hours = minutes / 60
    return tr("{n} hours", n=f"{hours:g}") if hours != 1 else tr("1 hour")


def clock(seconds: float) -> str:
    """Minutes and seconds, or hours and minutes."""
    whole = max(0, int(seconds))
    if whole >= 3600:
        return tr("{hours} h {minutes} min", hours=whole // 3600, minutes=whole % 3600 // 60)
    return f"{whole // 60}:{whole % 60:02}"


def size_name(parameters: int) -> str:
    """How many parameters."""
    if parameters >= 1_000_000:
        return tr("{n} million parameters", n=f"{parameters / 1e6:.1f}")
    return tr("{n} thousand parameters", n=f"{parameters / 1e3:.0f}")


def kind_texts(kind: str) -> tuple[str, str]:
    """What can be made, in plain words, and what it wants."""
    texts = {
        ADAPT: (
            tr("An installed model learns your style, your terms or a format from chats, pairs of "
               "questions and answers, or texts. The model itself stays as it is; what it learned stands "
               "beside it. Ten minutes teach a small model a format, but not new facts reliably."),
            tr("JSONL with chats or pairs, a table of questions and answers, or texts: drop them here."),
        ),
        NEW: (
            tr("A language model from nothing, of your text alone: a shape is searched, trained and "
               "grown. Twenty minutes give a small model that writes in the manner of the text and can "
               "be compared and studied; it will not answer questions as downloaded models do."),
            tr("Text, Markdown, DOCX, PDF, EPUB … or whole folders, a megabyte or more: drop them here."),
        ),
        HEAD: (
            tr("Teach your own labels from a table with a text and a label a row, some fifty rows for "
               "each label. The result sorts texts and tables in Sentiment."),
            tr("A CSV or XLSX table: drop it here."),
        ),
        EMBED: (
            tr("A model that finds texts by what they mean learns your field from pairs: a question and "
               "its answer, a term and its explanation. Some hundred pairs help; Questions finds passages "
               "with it."),
            tr("A table of pairs, or JSONL with pairs: drop it here."),
        ),
        ANSWER: (
            tr("A model learns to point at the answer in a text, from rows of a text, a question and the "
               "answer as it stands there, or nothing. It takes some thousand rows; Questions reads with "
               "it."),
            tr("A CSV or XLSX table: drop it here."),
        ),
    }  # fmt: skip
    return texts[kind]
