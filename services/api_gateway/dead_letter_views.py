"""Dead letters as the API shows them, and what it can be told to do about them."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, field_validator, model_validator

from services.api_gateway.views import View
from shared.contracts.base import Instant
from shared.dead_letters import views
from shared.dead_letters.acting import Done
from shared.dead_letters.book import UNDONE, Entry, State, Wanted
from shared.dead_letters.letters import Identity, NoIdentity, Opened
from shared.dead_letters.mending import Unmendable, encoded

_NAME = "docproc/documents.raw/3/42"
_AT = "2026-01-02T03:04:05.678Z"
MOST = 1000


class DoneView(View):
    """The newest that was done about a letter. `redrives` is the number of the redrive, or how many there were before
    it was discarded; `position` is where the record is now."""

    action: str = Field(examples=["redriven"])
    redrives: int = Field(examples=[1])
    by: str = Field(examples=["acme"])
    at: Instant = Field(examples=[_AT])
    why: str | None = Field(default=None, examples=["the parser is mended"])
    position: str | None = Field(default=None, examples=["documents.raw-3-97"])
    accept_time: bool = Field(default=False, description="whether the rule of late and future was waived for it")


class LetterView(View):
    """A record that a consumer group has given up. `failures` counts redrives that failed again."""

    identity: str = Field(examples=[_NAME], description="consumer group, topic, partition, offset of its first failure")
    state: State = Field(examples=["open"])
    failures: int = Field(examples=[1])
    group: str = Field(examples=["docproc"])
    topic: str = Field(examples=["documents.raw"])
    partition: int = Field(examples=[3])
    offset: int = Field(examples=[42])
    service: str = Field(examples=["docproc"])
    stage: str = Field(examples=["docproc"])
    code: str = Field(examples=["corrupt"])
    message: str = Field(examples=["the file is damaged"])
    attempts: int = Field(examples=[1])
    key: str | None = Field(examples=["0d9a7f3e-5c58-5f0e-9d0c-6b3b8f0f2a11"])
    size_bytes: int = Field(examples=[512])
    recorded_at: Instant = Field(examples=[_AT])
    first_failed_at: Instant = Field(examples=[_AT])
    failed_at: Instant = Field(examples=[_AT])
    action: DoneView | None = None

    @classmethod
    def of(cls, entry: Entry) -> Self:
        return cls.model_validate(views.summary(entry))


class WholeLetterView(LetterView):
    """With its content: `value` where it is JSON, else `value_text`."""

    headers: dict[str, str] = Field(examples=[{"ce_type": "cauce.documents.raw"}])
    value: Any = None
    value_text: str | None = None
    document_id: str | None = None
    status_path: str | None = Field(default=None, examples=["/documents/0d9a7f3e-5c58-5f0e-9d0c-6b3b8f0f2a11"])

    @classmethod
    def opened(cls, entry: Entry, content: Opened) -> WholeLetterView:
        return cls.model_validate(views.whole(entry, content))


class LetterPage(View):
    """`total` is of all pages; `next_cursor` is null on the last."""

    dead_letters: tuple[LetterView, ...]
    total: int = Field(examples=[4])
    next_cursor: str | None = None


class KindView(View):
    """How many letters of one kind are in each state; `oldest` of those that are open or unfinished."""

    topic: str = Field(examples=["documents.raw"])
    code: str = Field(examples=["corrupt"])
    service: str = Field(examples=["docproc"])
    open: int = Field(examples=[3])
    unfinished: int = Field(examples=[0])
    redriven: int = Field(examples=[1])
    discarded: int = Field(examples=[0])
    oldest: Instant | None = Field(examples=[_AT])


class KindsView(View):
    """`unreadable` records in the `.dlq` topics don't say where they come from."""

    kinds: tuple[KindView, ...]
    unreadable: int = Field(examples=[0])


class Order(BaseModel):
    """What every order has. Nothing that isn't known is taken: a filter with a slip of the pen would choose more."""

    model_config = ConfigDict(extra="forbid")


class Filter(Order):
    """Letters for which everything holds that is given."""

    topic: str | None = None
    code: str | None = None
    service: str | None = None
    key: str | None = None
    since: Instant | None = None
    until: Instant | None = None


def _named(name: object) -> Identity:
    """NoIdentity is a ValueError, so that it is told as such."""
    if not isinstance(name, str):
        raise NoIdentity("the name of a dead letter is a text")
    return Identity.parse(name)


Named = Annotated[Identity, PlainValidator(_named, json_schema_input_type=str)]


class Choice(Order):
    """Either `identities`, or a `filter` of those that are open or unfinished; an empty one means all of them."""

    identities: tuple[Named, ...] | None = Field(default=None, max_length=MOST, examples=[[_NAME]])
    filter: Filter | None = None
    limit: int = Field(default=100, ge=1, le=MOST, strict=True, description="at most so many, the oldest first")
    reason: str | None = Field(default=None, max_length=1000)

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.identities is None) == (self.filter is None):
            raise ValueError("give `identities` or `filter`")
        return self

    @property
    def wanted(self) -> Wanted:
        if self.identities is not None:
            return Wanted(identities=frozenset(self.identities))
        return Wanted(**(self.filter or Filter()).model_dump(), states=UNDONE)


class Redrive(Choice):
    """`patch` is a JSON merge patch (RFC 7396) of every value; `accept_time` waives the rule of late and future."""

    dry_run: bool = Field(default=False, strict=True)
    accept_time: bool = Field(default=False, strict=True, description="needs a `reason`")
    patch: dict[str, Any] | None = Field(default=None, examples=[{"rating": 5}])

    @field_validator("patch")
    @classmethod
    def _can_be_written(cls, patch: dict[str, Any] | None) -> dict[str, Any] | None:
        try:
            encoded(patch)
        except Unmendable as error:
            raise ValueError(str(error)) from None
        return patch

    @model_validator(mode="after")
    def _says_why(self) -> Self:
        if self.accept_time and not (self.reason or "").strip():
            raise ValueError("`accept_time` waives a rule of the stream: give a `reason`, it is kept with each letter")
        return self


class Discard(Choice):
    reason: str = Field(min_length=1, max_length=1000, examples=["a picture, sent by mistake"])


class MovedView(View):
    identity: str = Field(examples=[_NAME])
    position: str = Field(examples=["documents.raw-3-97"])


class LeftView(View):
    identity: str = Field(examples=[_NAME])
    why: str = Field(examples=["redriven already"])


class PlannedView(View):
    """What a dry run would send."""

    identity: str = Field(examples=[_NAME])
    value_text: str | None


class OutcomeView(View):
    """What became of each letter. `found` are those whose record an earlier redrive had sent without saying so;
    `advice` says what is to be done next, if anything."""

    redriven: tuple[MovedView, ...] = ()
    found: tuple[MovedView, ...] = ()
    discarded: tuple[str, ...] = ()
    planned: tuple[PlannedView, ...] = ()
    left: tuple[LeftView, ...] = ()
    advice: tuple[str, ...] = ()

    @classmethod
    def of(cls, done: Done) -> OutcomeView:
        return cls(
            redriven=tuple(MovedView(identity=str(name), position=at) for name, at in done.redriven.items()),
            found=tuple(MovedView(identity=str(name), position=at) for name, at in done.found.items()),
            discarded=tuple(map(str, done.discarded)),
            planned=tuple(
                PlannedView(identity=str(one.entry.identity), value_text=_text(one.outgoing.value))
                for one in done.planned
            ),
            left=tuple(LeftView(identity=str(name), why=why) for name, why in done.left.items()),
            advice=tuple(done.advice),
        )


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode(errors="replace")
