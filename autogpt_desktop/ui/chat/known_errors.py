"""Slots that tell the user of known errors."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Concatenate, ParamSpec, Protocol, TypeVar

from autogpt_desktop.errors import KnownError

if TYPE_CHECKING:
    from autogpt_desktop.ui.context import AppContext


class HasContext(Protocol):
    @property
    def context(self) -> AppContext: ...


P = ParamSpec("P")
Owner = TypeVar("Owner", bound=HasContext)


def reports_known_errors(
    method: Callable[Concatenate[Owner, P], None],
) -> Callable[Concatenate[Owner, P], None]:
    """For slots that use the history: a known error (a full disk) is shown, not raised."""

    @wraps(method)
    def guarded(self: Owner, /, *args: P.args, **kwargs: P.kwargs) -> None:
        try:
            method(self, *args, **kwargs)
        except KnownError as error:
            self.context.show_error(error)

    return guarded
