"""Plain requests and the fixed JSON they stand for: a format that no model has seen, made by rule.

The words of held-out requests occur in others; their combinations do not.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable

from autogpt_desktop.lab.data.examples import Example, pair

_NAMES = (
    "Anna", "Ben", "Clara", "David", "Emma", "Felix", "Grace", "Henry", "Ines", "Jonas", "Karim", "Laura",
    "Marta", "Nina", "Oscar", "Paula", "Quentin", "Rosa", "Samir", "Tom", "Uma", "Victor", "Wendy", "Yusuf",
)  # fmt: skip
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday", "today", "tomorrow")
_GOODS = (
    "paper cups", "printer ink", "notebooks", "blue pens", "light bulbs", "batteries", "envelopes",
    "coffee filters", "garbage bags", "cables", "white paint", "screws", "towels", "stamps", "folders",
)  # fmt: skip
_TASKS = (
    "water the plants", "pay the rent", "pick up the parcel", "send the report", "book the flight",
    "clean the kitchen", "renew the passport", "return the books", "check the heating", "buy a present",
    "print the tickets", "update the list", "feed the cat", "sign the contract", "fix the lamp",
)  # fmt: skip
_SUBJECTS = (
    "the budget", "the new office", "our trip", "the garden", "the contract", "the holiday plan",
    "the delivery", "the open invoice", "the survey", "the spring party", "the website", "the lease",
)  # fmt: skip
_NUMBERS = {
    "one": 1,
    "two": 2,
    "three": 3,
    "four": 4,
    "five": 5,
    "six": 6,
    "eight": 8,
    "ten": 10,
    "twelve": 12,
}


def _hour(random: random.Random) -> tuple[str, str]:
    """As people say it, and as the format has it."""
    hour, half = random.randint(1, 11), random.random() < 0.3
    morning = random.random() < 0.5
    said = f"{hour}{':30' if half else ''} {'am' if morning else 'pm'}"
    return said, f"{hour if morning else hour + 12:02d}:{'30' if half else '00'}"


def _reminder(random: random.Random) -> tuple[str, dict[str, object]]:
    task, day, (said, time) = random.choice(_TASKS), random.choice(_DAYS), _hour(random)
    text = random.choice(
        (
            f"Remind me to {task} {day} at {said}.",
            f"Please don't let me forget to {task}, {day} at {said}.",
            f"{day[0].upper() + day[1:]} at {said} I have to {task}, remind me.",
        )
    )
    return text, {"act": "remind", "what": task, "day": day.lower(), "at": time, "who": None, "n": None}


def _message(random: random.Random) -> tuple[str, dict[str, object]]:
    name, subject = random.choice(_NAMES), random.choice(_SUBJECTS)
    text = random.choice(
        (
            f"Send {name} a message about {subject}.",
            f"Could you write to {name} because of {subject}?",
            f"I need to tell {name} something about {subject}, write a note.",
        )
    )
    return text, {"act": "write", "what": subject, "day": None, "at": None, "who": name, "n": None}


def _order(random: random.Random) -> tuple[str, dict[str, object]]:
    (word, number), goods = random.choice(list(_NUMBERS.items())), random.choice(_GOODS)
    said = word if random.random() < 0.5 else str(number)
    name = random.choice((None, *random.sample(_NAMES, 3)))
    text = random.choice((f"Order {said} boxes of {goods}", f"We are out of {goods}, get {said} boxes"))
    text += f" for {name}." if name else "."
    return text, {"act": "order", "what": goods, "day": None, "at": None, "who": name, "n": number}


def _meeting(random: random.Random) -> tuple[str, dict[str, object]]:
    name, day, (said, time) = random.choice(_NAMES), random.choice(_DAYS), _hour(random)
    subject = random.choice(_SUBJECTS)
    text = random.choice(
        (
            f"Set up a meeting with {name} {day} at {said} about {subject}.",
            f"{name} and I should talk about {subject}, {day} at {said} is fine.",
            f"Find a room for me and {name}, {day} at {said}, the topic is {subject}.",
        )
    )
    return text, {"act": "meet", "what": subject, "day": day.lower(), "at": time, "who": name, "n": None}


_KINDS: tuple[Callable[[random.Random], tuple[str, dict[str, object]]], ...] = (
    _reminder, _message, _order, _meeting,
)  # fmt: skip


def requests(count: int, seed: int) -> list[Example]:
    """``count`` different requests, each with its JSON."""
    chooser = random.Random(seed)
    found: dict[str, Example] = {}
    while len(found) < count:
        text, values = chooser.choice(_KINDS)(chooser)
        found.setdefault(text, pair(text, json.dumps(values, separators=(",", ":"))))
    return list(found.values())
