"""What every CRM's configuration has: its name, the order of its records, and how long it may take to answer."""

from __future__ import annotations

from abc import abstractmethod
from typing import Annotated, ClassVar

from pydantic import Field, StringConstraints, field_validator

from ari_app.core.responsible import MOST_ENTITIES, Patience
from ari_app.crm.base import Crm
from ari_app.http_client.settings import Strict

Entity = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,39}$")]


class CrmSettings(Strict):
    """What every CRM has. Each kind of CRM has a class of its own below this one, with ``kind: Literal["..."]``, its
    ``known`` records and `build`; it is named in `ari_app.crm.configuration.AnySettings`."""

    known: ClassVar[tuple[str, ...]] = ()
    """The kinds of records that this kind of CRM can search; empty: whatever they are called."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_-]{0,39}$", description="as destinations name it; unique")
    entities: tuple[Entity, ...] = Field((), max_length=MOST_ENTITIES, description="in the order of the search")
    budget: float = Field(1.5, ge=0.1, le=5, description="seconds that a look-up may take, all records together")
    believe: float = Field(300.0, ge=0, le=86_400, description="seconds that an answer is believed")
    believe_none: float = Field(60.0, ge=0, le=86_400, description="seconds that it is believed when it is: nobody")
    at_once: int = Field(4, ge=1, le=32, description="look-ups under way at once; further ones find nobody")
    failures: int = Field(3, ge=1, le=100, description="so many failures one after another, and it is left alone")
    pause: float = Field(30.0, ge=1, le=3600, description="for so many seconds; then one look-up tries it again")

    @field_validator("entities")
    @classmethod
    def _known_entities(cls, entities: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(entities)) < len(entities):
            raise ValueError("names a kind of record twice; name each once")
        if cls.known and (unknown := [entity for entity in entities if entity not in cls.known]):
            raise ValueError(f"there is no {unknown[0]!r}; there are {', '.join(cls.known)}")
        return entities

    @property
    def patience(self) -> Patience:
        """When it is left alone."""
        return Patience(self.failures, self.pause)

    @abstractmethod
    def build(self) -> Crm:
        """The CRM. Its `Crm.entities` are those of the configuration, or else what is sensible."""
