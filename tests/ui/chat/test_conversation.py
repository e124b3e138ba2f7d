"""The open conversation and its running answers without a panel: no widget is made."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pytestqt.qtbot import QtBot

from autogpt_desktop.engine.config import Sampling
from autogpt_desktop.ui.chat.attachments import Attachment
from autogpt_desktop.ui.chat.chat_settings import ChatSettings
from autogpt_desktop.ui.chat.conversation import Conversation
from autogpt_desktop.ui.chat.draft import Draft
from autogpt_desktop.ui.chat.engine_cache import EngineCache
from autogpt_desktop.ui.chat.generation import Generation
from autogpt_desktop.ui.context import AppContext
from tests.ui.chat.kit import Script


@pytest.fixture
def generation(chat_context: AppContext, script: Script) -> Iterator[Generation]:
    generation = Generation(chat_context, script)
    yield generation
    script.go.set()
    generation.shutdown()


@pytest.fixture
def conversation(chat_context: AppContext, generation: Generation) -> Conversation:
    conversation = Conversation(chat_context, generation, EngineCache(chat_context))
    generation.ended.connect(lambda *_: conversation.reload(keep_place=True))
    conversation.open(0)
    return conversation


def ask(conversation: Conversation, generation: Generation, qtbot: QtBot, text: str) -> None:
    conversation.send(Draft(text))
    qtbot.waitUntil(lambda: not generation.running)


def texts(conversation: Conversation) -> list[str]:
    return [item.text for item in conversation.messages]


def test_sending_creates_saves_and_answers(
    conversation: Conversation, generation: Generation, qtbot: QtBot, chat_context: AppContext
) -> None:
    told: list[str] = []
    conversation.created.connect(lambda: told.append("created"))
    conversation.question_saved.connect(lambda: told.append("saved"))
    conversation.messages_changed.connect(lambda *_: told.append("messages"))
    conversation.list_changed.connect(lambda: told.append("list"))
    assert conversation.id == 0
    assert conversation.title == "New chat"
    conversation.send(Draft("Where?"))
    assert told == ["created", "saved", "messages", "list"]
    assert conversation.answer is not None
    assert conversation.shows(conversation.answer)
    qtbot.waitUntil(lambda: not generation.running)
    assert conversation.answer is None
    assert conversation.title == "Where?"
    assert texts(conversation) == ["Where?", "Paris is the capital."]
    assert chat_context.settings.last_conversation == conversation.id


def test_versions_of_answers_and_questions_are_branches(
    conversation: Conversation, generation: Generation, qtbot: QtBot, script: Script
) -> None:
    ask(conversation, generation, qtbot, "first")
    script.pieces = ["Other."]
    conversation.regenerate(conversation.messages[-1])
    qtbot.waitUntil(lambda: not generation.running)
    assert texts(conversation) == ["first", "Other."]
    held: list[object] = []
    conversation.messages_changed.connect(lambda keep_place, hold: held.append(hold))
    newer = conversation.messages[-1]
    conversation.switch_branch(newer, -1)
    assert texts(conversation) == ["first", "Paris is the capital."]
    assert held == [(newer.id, conversation.messages[-1].id)]
    conversation.editing = conversation.messages[0]
    ask(conversation, generation, qtbot, "better")
    assert conversation.editing is None
    assert texts(conversation) == ["better", "Other."]
    assert conversation.messages[0].sibling_count == 2


def test_what_is_deleted_comes_back_where_it_was(
    conversation: Conversation, generation: Generation, qtbot: QtBot
) -> None:
    ask(conversation, generation, qtbot, "first")
    number = conversation.id
    undo = conversation.delete(conversation.messages[-1])
    assert texts(conversation) == ["first"]
    conversation.open(0)
    undo()
    assert not conversation.messages, "another conversation is open meanwhile"
    conversation.open(number)
    assert texts(conversation) == ["first", "Paris is the capital."]


def test_settings_and_draft_belong_to_a_conversation(
    conversation: Conversation, generation: Generation, qtbot: QtBot, script: Script
) -> None:
    drafts: list[Draft] = []
    conversation.opened.connect(drafts.append)
    settings = ChatSettings("Be brief.", Sampling(temperature=0.2), "")
    conversation.save_settings(settings)
    ask(conversation, generation, qtbot, "first")
    turns, sampling, _ = script.asked[0]
    assert turns[0].content == "Be brief."
    assert sampling == settings.sampling
    number, draft = conversation.id, Draft("About this:", (Attachment("a.txt", "words"),))
    conversation.save_draft(draft)
    conversation.open(0)
    assert conversation.settings.system_prompt == ""
    conversation.open(number)
    assert conversation.settings == settings
    assert drafts == [Draft(), draft]


def test_a_temporary_chat_ends_with_its_answer(
    conversation: Conversation, generation: Generation, qtbot: QtBot, script: Script
) -> None:
    ended: list[object] = []
    generation.ended.connect(lambda *given: ended.append(given))
    script.pause_at = 1
    conversation.toggle_temporary()
    conversation.send(Draft("zebra"))
    assert conversation.title == "Temporary chat"
    assert conversation.answer is not None
    conversation.toggle_temporary()
    assert conversation.temporary is None
    assert not conversation.messages
    assert not generation.running
    qtbot.waitUntil(lambda: not conversation.context.worker.jobs())
    assert not ended
    assert not conversation.history.conversations()
