"""What the server refuses and how it finds: validators and indexes, asked on a real mongod."""

import asyncio
from collections.abc import Mapping

import pytest
from bson import Decimal128, Int64, ObjectId
from pymongo import MongoClient
from pymongo.errors import WriteError

from adapters.mongo.client import APPLICATION_NAME, Database, Session, connect
from adapters.mongo.documents import entry_to_document, record_to_document, wallet_to_document
from adapters.mongo.driver import Driver
from adapters.mongo.errors import UnsuitableStore
from adapters.mongo.indexes import INDEXES, prepare
from adapters.mongo.schemas import VALIDATORS
from adapters.mongo.unit_of_work import run_in_transaction
from tests.fixtures.driver import over_both_drivers
from wallet_core.errors import StoreRejected
from wallet_core.ledger import EntryKind
from wallet_core.money import AMOUNT_MINOR_MAX
from wallet_core.testing.conformance.store import ALICE, NOON, error_of, topup_record, transaction_id
from wallet_core.wallet import Cause, Wallet

Client = MongoClient[dict[str, object]]

VALIDATION_FAILED = 121

WALLET = Wallet.open(ALICE, "USD", NOON)
ENTRY = WALLET.credit(250, Cause(transaction_id(1), EntryKind.TOPUP, NOON))

DOCUMENTS: Mapping[str, dict[str, object]] = {
    "wallets": wallet_to_document(WALLET.after(ENTRY)),
    "entries": entry_to_document(ENTRY),
    "transactions": record_to_document(topup_record(1)),
    "outbox": {"_id": ObjectId(), "transactionIds": ["t-1", ObjectId()], "createdAt": NOON},
    "leases": {"_id": "relay", "holder": "relay-1", "expiresAt": NOON},
    "cutover": {"_id": "v1", "stoppedAt": NOON},
    "unadopted": {"_id": ObjectId(), "reason": "the balance is negative", "listedAt": NOON},
}
"""A good document of each collection."""

WRONG_VALUES = [
    ("wallets", "balanceMinor", 2.5),
    ("wallets", "balanceMinor", 250),  # an int32
    ("wallets", "balanceMinor", Decimal128("2.5")),
    ("wallets", "balanceMinor", "250"),
    ("wallets", "balanceMinor", Int64(AMOUNT_MINOR_MAX + 1)),
    ("wallets", "balanceMinor", Int64(-AMOUNT_MINOR_MAX - 1)),
    ("wallets", "version", Int64(-1)),
    ("wallets", "version", 1.0),
    ("wallets", "userId", ""),
    ("wallets", "userId", "u" * 65),
    ("wallets", "userId", {"$gt": ""}),
    ("wallets", "currency", "usd"),
    ("wallets", "headHash", "00"),
    ("wallets", "createdAt", "2025-01-15"),
    ("wallets", "_id", "text"),
    ("wallets", "balance", 2.5),  # v1's field: a v1 service that still runs cannot write to our wallets
    ("entries", "amountMinor", 2.5),
    ("entries", "amountMinor", 250),
    ("entries", "amountMinor", Int64(0)),
    ("entries", "amountMinor", Int64(-250)),
    ("entries", "amountMinor", Int64(AMOUNT_MINOR_MAX + 1)),
    ("entries", "balanceAfterMinor", 250),
    ("entries", "kind", "gift"),
    ("entries", "direction", "up"),
    ("entries", "reversesSequence", Int64(0)),
    ("entries", "counterpartyId", None),
    ("entries", "description", "d" * 501),
    ("entries", "note", "not ours"),
    ("entries", "_id", {"n": Int64(1), "w": ObjectId(), "x": 1}),
    ("entries", "_id", {"w": ObjectId(), "n": 1}),
    ("entries", "_id", {"w": ObjectId(), "n": Int64(0)}),
    ("entries", "_id", ObjectId()),
    ("transactions", "state", "pending"),
    ("transactions", "fingerprint", "short"),
    ("transactions", "legs", []),
    ("transactions", "reason", "r" * 501),
    ("transactions", "answer", {"revision": 1}),
    ("transactions", "amount", 1),
    ("transactions", "isLegacy", False),  # absent rather than false
    ("transactions", "isLegacy", "yes"),
    ("outbox", "transactionIds", []),
    ("outbox", "transactionIds", [1]),
    ("outbox", "attempts", Int64(1)),
    ("leases", "holder", ""),
]


NEEDED = {
    "wallets": [field for field in DOCUMENTS["wallets"] if field != "_id"],
    "entries": [field for field in DOCUMENTS["entries"] if field != "_id"],
    "transactions": ["state", "vocabulary", "currency", "recordedAt", "changedAt"],
    "outbox": ["transactionIds", "createdAt"],
    "leases": ["holder", "expiresAt"],
    "unadopted": ["reason", "listedAt"],
    "cutover": [],
}
"""The fields that must be there."""


def is_refused(client: Client, database: Database, collection: str, document: dict[str, object]) -> bool:
    """Try to insert a document past our own code; tell whether the validator has refused it."""
    try:
        client[database.name][collection].insert_one(document)
    except WriteError as error:
        return error.code == VALIDATION_FAILED
    return False


def without(document: dict[str, object], field: str) -> dict[str, object]:
    """Give a document without a field."""
    return {name: value for name, value in document.items() if name != field}


async def test_a_good_document_is_taken(database: Database, mongo_client: Client) -> None:
    """The documents that the wrong ones differ from are right."""
    for collection in VALIDATORS:
        mongo_client[database.name][collection].insert_one(dict(DOCUMENTS[collection]))


async def test_a_wrong_document_is_refused(database: Database, mongo_client: Client) -> None:
    """A field of the wrong type, out of bounds, missing or not ours makes the server refuse the document."""
    taken = [
        (collection, field, value)
        for collection, field, value in WRONG_VALUES
        if not is_refused(mongo_client, database, collection, {**DOCUMENTS[collection], field: value})
    ]

    assert [] == taken


async def test_a_missing_field_is_refused(database: Database, mongo_client: Client) -> None:
    """Every field that a reader relies on must be there."""
    taken = [
        (collection, missing)
        for collection, fields in NEEDED.items()
        for missing in fields
        if not is_refused(mongo_client, database, collection, without(DOCUMENTS[collection], missing))
    ]

    assert [] == taken


async def test_an_update_to_a_wrong_balance_is_refused(database: Database, mongo_client: Client) -> None:
    """A wallet of ours cannot become wrong by an update: neither by a float, nor by what v1 would write."""
    wallets = mongo_client[database.name]["wallets"]
    wallets.insert_one(dict(DOCUMENTS["wallets"]))

    for update in ({"$set": {"balanceMinor": 2.5}}, {"$inc": {"balance": 100}}, {"$unset": {"version": ""}}):
        with pytest.raises(WriteError) as refused:
            wallets.update_one({}, update)
        assert VALIDATION_FAILED == refused.value.code


async def test_a_v1_wallet_can_be_mended_by_hand(database: Database, mongo_client: Client) -> None:
    """A document of v1's shape may be updated as before, since it was not valid anyway; a new one is not taken."""
    wallets = mongo_client[database.name]["wallets"]
    v1_wallet = {"_id": ObjectId(), "userId": ObjectId(ALICE), "balance": -1.0}
    mongo_client[database.name].command(
        {"insert": "wallets", "documents": [v1_wallet], "bypassDocumentValidation": True}
    )

    wallets.update_one({"_id": v1_wallet["_id"]}, {"$set": {"balance": 1.0}})

    with pytest.raises(WriteError):
        wallets.insert_one({"userId": ObjectId(), "balance": 1.0})


async def refusal_of(database: Database, collection: str, document: dict[str, object]) -> Exception | None:
    """Give the error of a document that is written in a unit of work; outside one, nothing is an event's fault."""

    async def write(session: Session) -> None:
        await database.collection(collection, session).insert_many([document])

    return await error_of(run_in_transaction(database, write))


@over_both_drivers
async def test_a_refusal_does_not_quote_the_document(database: Database) -> None:
    """The error of a refused document names code and collection, holds nothing of the document, and chains nothing."""
    secret = {**DOCUMENTS["entries"], "description": "the secret of Alice" * 100}

    error = await refusal_of(database, "entries", secret)

    assert isinstance(error, StoreRejected)
    assert "121" in str(error)
    assert "secret" not in str(error)
    assert error.__cause__ is None
    assert error.__suppress_context__


@over_both_drivers
@pytest.mark.parametrize("value", [2**63, object(), "\ud800"])
async def test_what_bson_cannot_hold_is_refused(database: Database, value: object) -> None:
    """An integer over 64 bits, a foreign object and half a surrogate are refused before they are sent."""
    error = await error_of(database.collection("outbox").insert_many([{"_id": ObjectId(), "x": value}]))

    assert isinstance(error, StoreRejected)


@over_both_drivers
async def test_a_document_over_16_mb_is_refused(database: Database) -> None:
    """A document that is too large is refused for its content, not taken for an outage."""
    error = await refusal_of(database, "outbox", {"_id": ObjectId(), "x": "x" * 17_000_000})

    assert isinstance(error, StoreRejected)


async def test_one_wallet_per_owner_and_currency(database: Database) -> None:
    """The server refuses a second wallet of one owner and currency, and takes one of another currency."""
    wallets = database.collection("wallets")
    await wallets.insert_many([DOCUMENTS["wallets"]])
    await wallets.insert_many([{**DOCUMENTS["wallets"], "_id": ObjectId(), "currency": "EUR"}])

    error = await error_of(wallets.insert_many([{**DOCUMENTS["wallets"], "_id": ObjectId()}]))

    assert error is not None
    assert "DuplicateKey" in str(error)


async def test_preparing_again_changes_nothing(database: Database, mongo_client: Client) -> None:
    """A second preparation finds everything as it must be and sends no command that changes it."""
    before = _structure(mongo_client, database.name)
    profiled = mongo_client[database.name]
    profiled.command({"profile": 2})

    await prepare(database)

    profiled.command({"profile": 0})
    changed = {"$or": [{f"command.{name}": {"$exists": True}} for name in ("create", "collMod", "createIndexes")]}
    assert [] == list(profiled["system.profile"].find({"appName": APPLICATION_NAME, **changed}))
    assert before == _structure(mongo_client, database.name)


@over_both_drivers
async def test_many_may_prepare_at_once(database_url: str, driver: Driver, mongo_client: Client) -> None:
    """Six processes that start together on an empty database all succeed, with the same result."""
    databases = [connect(database_url, driver=driver) for _ in range(6)]

    await asyncio.gather(*(prepare(each) for each in databases))

    found = _structure(mongo_client, databases[0].name)
    assert set(VALIDATORS) <= set(found)
    assert sum(len(indexes) for _, indexes in found.values()) == len(INDEXES) + len(VALIDATORS)
    for each in databases:
        await each.close()


async def test_a_changed_validator_is_repaired(database: Database, mongo_client: Client) -> None:
    """A validator that was removed or weakened is put back at the next start."""
    expected = _structure(mongo_client, database.name)
    mongo_client[database.name].command({"collMod": "wallets", "validator": {}, "validationLevel": "off"})
    mongo_client[database.name].command({"collMod": "entries", "validationAction": "warn"})

    await prepare(database)

    assert expected == _structure(mongo_client, database.name)


async def test_a_dropped_index_is_made_again(database: Database, mongo_client: Client) -> None:
    """An index that was dropped is back after the next start."""
    expected = _structure(mongo_client, database.name)
    mongo_client[database.name]["wallets"].drop_index("owner_currency")

    await prepare(database)

    assert expected == _structure(mongo_client, database.name)


async def test_an_index_that_is_another_one_is_refused(database: Database, mongo_client: Client) -> None:
    """An index of ours that is not unique any more is not dropped by us: the error says what to type."""
    wallets = mongo_client[database.name]["wallets"]
    wallets.drop_index("owner_currency")
    wallets.create_index([("userId", 1), ("currency", 1)], name="owner_currency")

    with pytest.raises(UnsuitableStore, match=r"owner_currency.*db\.wallets\.dropIndex"):
        await prepare(database)


async def test_a_unique_index_of_v1_serves(database_url: str, mongo_client: Client) -> None:
    """The index on the owner that v1 has made is taken as it is, unique and under its own name."""
    database = connect(database_url)
    mongo_client[database.name]["wallets"].create_index("userId", unique=True)

    await prepare(database)
    await prepare(database)

    names = mongo_client[database.name]["wallets"].index_information()
    assert {"_id_", "userId_1", "owner_currency", "v1_balance", "v1_without_currency"} == set(names)
    await database.close()


async def test_two_wallets_of_one_owner_stop_the_start(database_url: str, mongo_client: Client) -> None:
    """Where two wallets of ours have one owner the unique index cannot be made: a person must decide, no traceback."""
    database = connect(database_url)
    wallet = DOCUMENTS["wallets"]
    mongo_client[database.name]["wallets"].insert_many([dict(wallet), {**wallet, "_id": ObjectId()}])

    with pytest.raises(UnsuitableStore, match="same owner and currency"):
        await prepare(database)
    await database.close()


def _structure(client: Client, name: str) -> dict[str, tuple[object, dict[str, object]]]:
    """Give options and indexes of every collection."""
    listed = client[name].list_collections(filter={"name": {"$ne": "system.profile"}})
    return {
        str(each["name"]): (each["options"], dict(client[name][str(each["name"])].index_information()))
        for each in listed
    }
