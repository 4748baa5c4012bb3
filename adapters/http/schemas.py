"""Declare what is read from a query and written in a body, with the texts and examples of the OpenAPI document.

The models of bodies describe: the bytes themselves are written by ``representations.py`` and ``errors.py``, because a
JSON number with all its decimals is nothing that pydantic writes. The tests hold the bytes against these models.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic.alias_generators import to_camel

from adapters.http.parameter_values import CURSOR_PATTERN, entry_kind, instant, row_cursor, row_limit
from wallet_core.ledger import Direction, EntryKind
from wallet_core.queries import STATEMENT_ROWS_MAX

STATEMENT_ROWS_DEFAULT = 50
"""Rows of a page unless told otherwise. Source: the requirements of this service."""

_USER_ID = "507f1f77bcf86cd799439011"
_WALLET_ID = "507f1f77bcf86cd799439012"
_OPENED_AT = "2025-01-15T10:30:05.000Z"
_CHANGED_AT = "2025-01-15T12:45:30.000Z"
"""The examples are those of the contract."""

_Instant = Annotated[datetime, WithJsonSchema({"type": "string", "format": "date-time", "examples": [_CHANGED_AT]})]
_Amount = Annotated[Decimal, WithJsonSchema({"type": "number"})]

_InstantText = Annotated[
    datetime | None,
    BeforeValidator(instant),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": [_OPENED_AT]}),
]


class StatementParameters(BaseModel):
    """The query of a statement."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    limit: Annotated[int, Field(ge=1, le=STATEMENT_ROWS_MAX), BeforeValidator(row_limit)] = Field(
        default=STATEMENT_ROWS_DEFAULT, description="Most rows of the page."
    )
    cursor: Annotated[
        int | None, BeforeValidator(row_cursor), WithJsonSchema({"type": "string", "pattern": CURSOR_PATTERN})
    ] = Field(default=None, description="`nextCursor` of the page before. Keep the other parameters as they were.")
    kind: Annotated[
        EntryKind | None, BeforeValidator(entry_kind), WithJsonSchema({"type": "string", "enum": [*EntryKind]})
    ] = Field(default=None, alias="type", description="Only entries of this type.")
    recorded_from: _InstantText = Field(
        default=None,
        alias="from",
        description="Only entries from this instant on. A date alone (`2025-01-15`) is its midnight in UTC.",
    )
    recorded_until: _InstantText = Field(
        default=None,
        alias="to",
        description="Only entries before this instant. A date alone (`2025-01-16`) is its midnight in UTC.",
    )


class ConditionalHeaders(BaseModel):
    """What makes a read conditional."""

    if_none_match: str = Field(default="", alias="If-None-Match", description="The `ETag` of the answer that you hold.")


class _Body(BaseModel):
    """A body: its names are those of the contract, in camel case."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", frozen=True)


class WalletBody(_Body):
    """The wallet of the user who is asking."""

    id: str = Field(description="Id of the wallet.", examples=[_WALLET_ID])
    user_id: str = Field(description="Its owner.", examples=[_USER_ID])
    balance: _Amount = Field(description="In major units, with all decimals of the currency.", examples=[150.25])
    created_at: _Instant = Field(description="When it was opened.", examples=[_OPENED_AT])
    updated_at: _Instant = Field(description="When the balance last changed.")
    currency: str = Field(description="ISO 4217 code.", examples=["USD"], pattern="^[A-Z]{3}$")
    version: int = Field(description="How many entries the wallet has: it grows by one with each.", ge=0, examples=[7])


class StatementRow(_Body):
    """One entry of the wallet: a change of its balance. Entries never change."""

    id: str = Field(description="Id of the entry.", examples=[f"{_WALLET_ID}-7"])
    transaction_id: str = Field(description="The transaction behind it.", examples=["507f1f77bcf86cd799439013"])
    type: EntryKind = Field(description="Why the balance changed.", examples=[EntryKind.TRANSFER])
    direction: Direction = Field(
        description="`credit` raises the balance, `debit` lowers it.", examples=[Direction.DEBIT]
    )
    amount: _Amount = Field(description="How much, in major units. Always positive.", examples=[25.5])
    balance_after: _Amount = Field(description="The balance after this entry, in major units.", examples=[150.25])
    counterparty_id: str | None = Field(
        description="The user on the other side of a transfer, else null.", examples=["507f1f77bcf86cd799439014"]
    )
    created_at: _Instant = Field(description="When the entry was recorded.")
    description: str = Field(default="", description="What the initiator wrote, if anything.", examples=["Lunch"])


class StatementBody(_Body):
    """One page of a statement, newest first."""

    transactions: list[StatementRow]
    next_cursor: str | None = Field(
        description="Give it as `cursor` for the next page; null on the last one.", examples=["7"]
    )


class WalletHealthBody(_Body):
    """The service answers."""

    status: Literal["healthy"]
    service: Literal["wallet-service"]
    timestamp: _Instant


class HealthBody(_Body):
    """The process is alive."""

    status: Literal["ok"]
    service: Literal["wallet"]


class ComponentBody(_Body):
    """Something that we depend on."""

    status: Literal["up", "down"]
    reason: str = Field(default="", description="Why it is down.", examples=["no answer within 2 s"])


class ReadinessBody(_Body):
    """Whether requests and events can be handled now."""

    status: Literal["ready", "unavailable"]
    components: dict[str, ComponentBody]


class ErrorBody(_Body):
    """What went wrong."""

    error: str = Field(description="A text for people.")


class V1ErrorDetail(_Body):
    """What went wrong, and the status of the answer again."""

    message: str = Field(description="A text for people.")
    status: int


class V1ErrorBody(_Body):
    """What went wrong, as v1 tells it."""

    error: V1ErrorDetail
