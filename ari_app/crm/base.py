"""What a CRM is asked, and what it answers: who is responsible for a caller."""

from __future__ import annotations

from typing import Protocol

from ari_app.core.responsible import Manager

__all__ = ["Crm", "CrmLimited", "CrmTrouble", "Manager"]


class CrmTrouble(Exception):
    """The CRM could not be asked; the message says what is wrong and how to mend it, and has neither secrets nor whole
    telephone numbers in it."""


class CrmLimited(CrmTrouble):
    """The CRM has been asked too often. ``retry_after`` is the seconds after which it may be asked again."""

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Crm(Protocol):
    """One CRM of the configuration."""

    @property
    def name(self) -> str:
        """As in the configuration."""

    @property
    def entities(self) -> tuple[str, ...]:
        """The kinds of records it knows ("lead", "contact", "deal", "company", "ticket", "order", "customer", ...), in
        the order in which it is sensible to search them by default."""

    def find(self, entity: str, phone: str, within_seconds: float) -> Manager | None:
        """The one responsible for the newest open record of this kind that has this phone (E.164); None: there is none.

        Blocking, so it is called from a thread; done within ``within_seconds``. Raises `CrmTrouble` (`CrmLimited`).
        """
