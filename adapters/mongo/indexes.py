"""Collections, validators and indexes: made and verified at start, never inside a transaction.

``prepare`` may run in several processes at once and any number of times. What is missing is made; a validator that is
another one is replaced (a later version of this service may know more fields); an index of ours that exists with other
properties is never dropped by us: that could take hours on a large collection, and the books are not safe without it
meanwhile. It is refused with the command to type.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pymongo.errors import OperationFailure, PyMongoError

from adapters.mongo.client import Database
from adapters.mongo.errors import DUPLICATE_KEY, UnsuitableStore, outside_error
from adapters.mongo.fields import subdocument, subdocuments
from adapters.mongo.handles import Document
from adapters.mongo.schemas import VALIDATORS, Validator
from adapters.mongo.steps import StoreStep

_NAMESPACE_EXISTS = 48
_INDEX_CONFLICTS = frozenset({85, 86})
"""IndexOptionsConflict, IndexKeySpecsConflict (error_codes.yml)."""

_MAJORITY: Document = {"writeConcern": {"w": "majority", "j": True}}


@dataclass(frozen=True, slots=True)
class Index:
    """An index and why it exists. ``any_on_key``: another one on the same key serves too, whatever its name."""

    collection: str
    name: str
    key: Mapping[str, int]
    why: str
    options: Mapping[str, object] = field(default_factory=dict)
    any_on_key: bool = False

    def specification(self) -> dict[str, object]:
        """Give the index as ``createIndexes`` takes it."""
        return {"name": self.name, "key": dict(self.key), **self.options}


INDEXES = (
    Index(
        "wallets",
        "owner_currency",
        {"userId": 1, "currency": 1},
        "one wallet per owner and currency, whoever opens it. Partial, as v1's documents have no currency; and not by "
        "version: where an update changes a field of the filter, it takes the server twice the time",
        {"unique": True, "partialFilterExpression": {"currency": {"$exists": True}}},
    ),
    Index(
        "wallets",
        "owner",
        {"userId": 1},
        "every posting and every balance looks wallets up by owner, v1's included: owner_currency has none of those",
        any_on_key=True,  # v1 has its own, unique: it serves
    ),
    Index(
        "wallets",
        "v1_balance",
        {"balance": 1},
        "finds v1's documents at once among any number of ours, which have no balance and cost this index nothing",
        {"partialFilterExpression": {"balance": {"$exists": True}}},
    ),
    Index(
        "wallets",
        "v1_without_currency",
        {"currency": 1, "_id": 1},
        "finds v1's documents that have not even a balance; ours all have a currency, which never changes",
        {"partialFilterExpression": {"currency": None}},
    ),
    Index(
        "entries",
        "by_kind",
        {"_id.w": 1, "kind": 1, "_id.n": -1},
        "a wallet's page of one kind; the page of all kinds is a range of _id",
    ),
    Index(
        "transactions",
        "reversals_due",
        {"dueSince": 1},
        "lists what waits for a reversal, oldest first; holds only those, so it costs other transactions nothing",
        {"partialFilterExpression": {"state": "reversal_due"}},
    ),
    Index(
        "transactions",
        "undecided",
        {"state": 1, "_id": 1},
        "lists the legacy transactions that wait for a person, by id; holds only those",
        {"partialFilterExpression": {"state": "undecided"}},
    ),
)
"""Every index besides ``_id``, and why it exists."""


async def prepare(database: Database) -> None:
    """
    Make and verify everything that the books need; on a database that has it, that is a question for each collection.

    Raises UnsuitableStore when something contradicts it, StoreUnavailable when the database is away.
    """
    try:
        existing = await _collections(database)
        for name, validator in VALIDATORS.items():
            await _ensure_collection(database, name, validator, existing.get(name))
        listed = {name: await _indexes(database, name) for name in dict.fromkeys(index.collection for index in INDEXES)}
        for index in INDEXES:
            await _ensure_index(database, index, listed[index.collection])
    except PyMongoError as error:
        raise outside_error(error, "its own structure") from error


async def _collections(database: Database) -> dict[str, Document]:
    """Give the options of every collection by name. A database has few: one batch of 1,000 holds them all."""
    reply = await database.command({"listCollections": 1, "cursor": {"batchSize": 1_000}})
    listed = subdocuments(subdocument(reply, "cursor"), "firstBatch")
    return {str(collection["name"]): subdocument(collection, "options") for collection in listed}


async def _ensure_collection(database: Database, name: str, validator: Validator, options: Document | None) -> None:
    wanted = validator.options()
    if options is None:
        try:
            await database.command({"create": name, **wanted, **_MAJORITY})
        except OperationFailure as error:
            if error.code != _NAMESPACE_EXISTS:
                raise
        else:
            database.observer.reached(StoreStep.COLLECTION_MADE, about=name)
            return
    elif all(options.get(option) == value for option, value in wanted.items()):
        return
    await database.command({"collMod": name, **wanted, **_MAJORITY})


async def _ensure_index(database: Database, index: Index, existing: Sequence[Document]) -> None:
    if any(_serves(candidate, index) for candidate in existing):
        return
    try:
        await database.command({"createIndexes": index.collection, "indexes": [index.specification()], **_MAJORITY})
    except OperationFailure as error:
        unsuitable = _unsuitable(index, existing, error)
        if unsuitable is None:
            raise
        raise unsuitable from error
    database.observer.reached(StoreStep.INDEX_MADE, about=f"{index.name} on {index.collection}")


async def _indexes(database: Database, collection: str) -> Sequence[Document]:
    """Give the indexes of a collection; a collection has at most 64."""
    reply = await database.command({"listIndexes": collection, "cursor": {"batchSize": 64}})
    return subdocuments(subdocument(reply, "cursor"), "firstBatch")


def _serves(candidate: Document, index: Index) -> bool:
    """Tell whether an existing index does what ours is for."""
    if list(subdocument(candidate, "key").items()) != list(index.key.items()):
        return False
    if index.any_on_key:
        return "partialFilterExpression" not in candidate and not candidate.get("sparse", False)
    properties = ("unique", "sparse", "partialFilterExpression", "collation", "hidden")
    return all(candidate.get(name, False) == index.options.get(name, False) for name in properties)


def _unsuitable(index: Index, existing: Sequence[Document], error: OperationFailure) -> UnsuitableStore | None:
    where = f"index {index.name} on {index.collection}"
    if error.code == DUPLICATE_KEY:
        return UnsuitableStore(
            f"{where} cannot be made, because two wallets have the same owner and currency: a person must decide "
            "which of them counts"
        )
    if error.code not in _INDEX_CONFLICTS:
        return None
    key = dict(index.key)
    in_the_way = [
        candidate["name"] for candidate in existing if candidate["name"] == index.name or candidate["key"] == key
    ]
    return UnsuitableStore(
        f"{where} must be {index.specification()}, and {in_the_way} is in its way: stop the service, drop that one "
        f"with db.{index.collection}.dropIndex(...), and start again"
    )
