"""What cannot be the answer: of another kind, or about another year, month or person than was asked for."""

from __future__ import annotations

import pytest

from autogpt_desktop.tasks.answer.filters import is_possible

TOWN = (
    "Velden was founded in 1204 by Count Ulrich. "
    "In 1850 it had 4,300 inhabitants. Hans Pauli rebuilt the hall. "
    "The next meeting is on 26 March. The clock strikes at noon."
)
ZH = "租金为三千二百元，合同于2021年签订，会议在三月举行。"


@pytest.mark.parametrize(
    ("question", "text", "phrase", "may"),
    [
        ("How many inhabitants did it have in 1850?", TOWN, "4,300", True),
        ("How many inhabitants did it have in 1950?", TOWN, "4,300", False),
        ("When is the meeting in March?", TOWN, "26 March", True),
        ("Where is the meeting in April?", TOWN, "the hall", False),
        ("Who rebuilt the hall?", TOWN, "Hans Pauli", True),
        ("Who rebuilt the hall?", TOWN, "1850", False),
        ("When does the clock strike?", TOWN, "noon", True),
        ("How much did the hall cost?", TOWN, "Hans", False),
        ("What did Ulrich found?", TOWN, "Velden", True),
        ("What did Sigmund found?", TOWN, "Velden", False),
        ("What did Ulrik found?", TOWN, "Velden", True),
        ("What was founded in 1990?", "In 1990, after 20,1990 letters, the club began.", "the club", True),
        (
            "What was founded in 1991?",
            "It had 1,991 members in 1990, when the club began.",
            "the club",
            False,
        ),
        ("How much is left of it?", "Hardly any of it; many parts are gone.", "many parts", True),
        ("What did Count Ulrich Falk found?", TOWN, "Velden", True),
        ("Is the University of Ulm in Velden?", "The university lies in Velden.", "Velden", True),
        ("What does the United States sell?", "Corn is sold by the U.S. and Iran.", "Corn", True),
        ("What does the United States sell?", "Corn is sold by the UK and Iran.", "Corn", False),
        ("2020年的租金是多少？", ZH, "三千二百元", False),
        ("2021年的租金是多少？", ZH, "三千二百元", True),
        ("四月的会议租金是多少？", ZH, "三千二百元", False),
    ],
)
def test_an_answer_is_about_what_was_asked(question: str, text: str, phrase: str, may: bool) -> None:
    assert is_possible(question, text, phrase) == may


def test_a_name_may_stand_in_the_title_or_elsewhere_in_the_file() -> None:
    text = "The lease was signed by the tenant on 3 May 2019."
    assert not is_possible("Who signed the Lindenhof lease?", text, "the tenant")
    assert is_possible(
        "What did the Lindenhof tenant sign?", text, "lease", elsewhere="Contract for Lindenhof"
    )
    assert not is_possible("What did the Lindenhof tenant sign?", text, "lease")
    assert is_possible("What did the Lindenhof tenant sign?", text, "lease", names=False)
