"""``wallet migrate``: what v1 leaves in its database, and what becomes of it."""

import asyncio
import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from bson import Decimal128, Int64, ObjectId
from pymongo import MongoClient

from adapters.mongo import adoption
from adapters.mongo.adoption import AdoptionReport, Finding, Listed, adopt, unmigrated
from adapters.mongo.books_currency import books_currency
from adapters.mongo.client import Database, connect
from adapters.mongo.reader import MongoReader
from adapters.mongo.schemas import VALIDATORS
from adapters.mongo.unit_of_work import MongoUnitOfWork
from tests.fixtures.driver import over_both_drivers
from tests.integration.fail_points import failing, until_blocked
from wallet_core import AMOUNT_MINOR_MAX, Currency, Direction, EntryKind, StoreUnavailable, SuspendedWallet, Wallet
from wallet_core.ledger import GENESIS_HASH
from wallet_core.memory import ManualClock
from wallet_core.ports import Books, StatementQuery
from wallet_core.testing.conformance.store import credit, error_of, page_of

Client = MongoClient[dict[str, object]]

USD = Currency("USD", 2)
OPENED = datetime(2024, 3, 1, 8, 30, 0, 123_000, tzinfo=UTC)
CHANGED = OPENED + timedelta(days=100)


class V1:
    """The ``wallets`` collection, as a v1 service leaves it."""

    def __init__(self, database: Database, client: Client) -> None:
        """Take a prepared database."""
        self.database = database
        self.books = client[database.name]
        self.listed: list[Listed] = []

    def insert(self, **fields: object) -> ObjectId:
        """Leave a wallet; ``userId`` is new unless it is given. Gives the wallet's id."""
        wallet = {
            "_id": ObjectId(),
            "userId": ObjectId(),
            "createdAt": OPENED,
            "updatedAt": CHANGED,
            "__v": 0,
            **fields,
        }
        self.books.command({"insert": "wallets", "documents": [wallet], "bypassDocumentValidation": True})
        assert isinstance(wallet["_id"], ObjectId | str)
        return wallet["_id"]  # type: ignore[return-value]

    def wallet(self, id_: object) -> dict[str, object]:
        """Give a stored document."""
        document = self.books["wallets"].find_one({"_id": id_})
        assert document is not None
        return document

    def everything(self) -> dict[str, list[dict[str, object]]]:
        """Give all documents of all collections."""
        return {name: list(self.books[name].find({}).sort("_id", 1)) for name in VALIDATORS}

    async def migrate(self, currency: Currency = USD) -> AdoptionReport:
        """Run the adoption; ``listed`` is what it tells."""
        self.listed = []
        return await adopt(self.database, currency, ManualClock(), self.listed.append)


@pytest.fixture
def v1(database: Database, mongo_client: Client) -> V1:
    """Give a database of v1."""
    return V1(database, mongo_client)


EXACT = [
    (100, 10_000),
    (Int64(100), 10_000),
    (100.0, 10_000),
    (0.1, 10),
    (0.3, 30),
    (19.99, 1_999),
    (Decimal128("12.34"), 1_234),
    (Decimal128("12.3400"), 1_234),
    (Decimal128("1E+3"), 100_000),
    (1e13, AMOUNT_MINOR_MAX),
    (9_999_999_999_999.99, AMOUNT_MINOR_MAX - 1),
    (12.5, 1_250),
]
"""Balances as v1 may store them, and in minor units."""

BLURRED = [
    (0.1 + 0.2, 30),
    (1.1 + 2.2, 330),
    (100 - 99.99, 1),
    (0.29999999999999993, 30),
    (1e-9, 0),
    (1_000_000.000000001, 100_000_000),
]
"""What arithmetic with doubles leaves, and the minor units that were meant."""

NOT_ADOPTABLE: list[tuple[dict[str, object], str]] = [
    ({"balance": -0.01}, "negative"),
    ({"balance": Int64(-5)}, "negative"),
    ({"balance": math.nan}, "no number"),
    ({"balance": math.inf}, "no number"),
    ({"balance": -math.inf}, "no number"),
    ({"balance": Decimal128("NaN")}, "no number"),
    ({"balance": "100"}, "no number"),
    ({"balance": True}, "no number"),
    ({"balance": None}, "missing"),
    ({"balance": {"$gt": 0}}, "no number"),
    ({}, "missing"),
    ({"balance": 0.005}, "no whole number"),
    ({"balance": 19.999}, "no whole number"),
    ({"balance": 100.00001}, "no whole number"),
    ({"balance": Decimal128("0.3000000000000001")}, "no whole number"),
    ({"balance": Decimal128("1E-6000")}, "no whole number"),
    ({"balance": 1e13 + 0.01}, "is over"),
    ({"balance": 1e300}, "is over"),
    ({"balance": Decimal128("1E+6000")}, "is over"),
    ({"balance": Int64(2**62)}, "is over"),
    ({"balance": 1, "userId": None}, "userId"),
    ({"balance": 1, "userId": ""}, "userId"),
    ({"balance": 1, "userId": "a b"}, "userId"),
    ({"balance": 1, "userId": 7}, "userId"),
    ({"balance": 1, "createdAt": "yesterday"}, "createdAt"),
    ({"balance": 1, "_id": "text"}, "ObjectId"),
]
"""Fields of wallets that cannot be adopted exactly, and a word of the reason."""


@over_both_drivers
async def test_an_exact_balance_is_adopted_to_the_cent(v1: V1) -> None:
    """Every kind of number that is a whole count of cents is adopted exactly, and not listed."""
    expected = {v1.insert(balance=balance): balance_minor for balance, balance_minor in EXACT}

    report = await v1.migrate()

    assert AdoptionReport(adopted=len(EXACT), rounded=0, left=0, already=0) == report
    assert [] == v1.listed
    assert expected == {each["_id"]: each["balanceMinor"] for each in v1.everything()["wallets"]}
    assert not any("balance" in each for each in v1.everything()["wallets"])


async def test_a_balance_that_floats_have_blurred_is_rounded_and_listed(v1: V1) -> None:
    """A double within a millionth of a cent of whole cents is adopted as those, and a person is told."""
    expected = {v1.insert(balance=balance): balance_minor for balance, balance_minor in BLURRED}

    report = await v1.migrate()

    assert AdoptionReport(adopted=len(BLURRED), rounded=len(BLURRED), left=0, already=0) == report
    assert expected == {each["_id"]: each["balanceMinor"] for each in v1.everything()["wallets"]}
    assert [(str(id_), Finding.ROUNDED) for id_ in expected] == [(each.wallet_id, each.finding) for each in v1.listed]
    assert all(repr(balance) in each.reason for (balance, _), each in zip(BLURRED, v1.listed, strict=True))


async def test_what_cannot_be_adopted_exactly_is_left_and_listed(v1: V1) -> None:
    """It stays as it is to the byte, is told and kept with a reason, and a second run tells the same."""
    reasons = {str(v1.insert(**fields)): reason for fields, reason in NOT_ADOPTABLE}
    before = repr(v1.everything()["wallets"])

    first, told = await v1.migrate(), v1.listed
    second = await v1.migrate()

    assert AdoptionReport(adopted=0, rounded=0, left=len(reasons), already=0) == first == second
    assert told == v1.listed
    assert {(id_, Finding.LEFT) for id_ in reasons} == {(each.wallet_id, each.finding) for each in told}
    assert [] == [each for each in told if reasons[each.wallet_id] not in each.reason]
    assert before == repr(v1.everything()["wallets"])
    assert {each.wallet_id: each.reason for each in told} == {
        str(each["_id"]): each["reason"] for each in v1.everything()["unadopted"]
    }


async def test_an_adopted_wallet_keeps_what_it_was(v1: V1) -> None:
    """Id, owner, dates and fields that only v1 knows stay; its opening is a sealed entry with its transaction."""
    owner = ObjectId()
    id_ = v1.insert(userId=owner, balance=12.5)

    await v1.migrate()

    stored = v1.wallet(id_)
    wallet = await MongoReader(v1.database).wallet_of(str(owner))
    (entry,) = await page_of(MongoReader(v1.database), StatementQuery(str(owner), 10)) or ()
    (record,) = v1.everything()["transactions"]
    assert wallet is not None
    assert (str(id_), str(owner), 1_250, 1) == (wallet.id, wallet.user_id, wallet.balance_minor, wallet.version)
    assert (OPENED, CHANGED, 0) == (stored["createdAt"], stored["updatedAt"], stored["__v"])
    assert (EntryKind.ADOPTED, Direction.CREDIT, 1_250) == (entry.kind, entry.direction, entry.amount_minor)
    assert CHANGED == entry.recorded_at
    assert entry.hash_after(GENESIS_HASH) == entry.hash == wallet.head_hash
    assert (f"adopted:{id_}", "adopted", "applied") == (record["_id"], record["kind"], record["state"])
    assert ManualClock().now() == record["recordedAt"]
    assert entry.transaction_id == record["_id"]


async def test_a_posting_keeps_what_only_v1_knows(v1: V1) -> None:
    """An adopted wallet still has v1's fields after money has moved."""
    owner = ObjectId()
    id_ = v1.insert(userId=owner, balance=12.5)
    await v1.migrate()

    await MongoUnitOfWork(v1.database).run(lambda books: credit(books, str(owner), 50))

    stored = v1.wallet(id_)
    assert (1_300, 2, 0) == (stored["balanceMinor"], stored["version"], stored["__v"])
    assert (owner, OPENED) == (stored["userId"], stored["createdAt"])


@pytest.mark.parametrize("balance", [0, 0.0, -0.0, Decimal128("0.00")])
async def test_an_empty_wallet_has_no_entry(v1: V1, balance: object) -> None:
    """A balance of 0 is adopted without an entry: version 0."""
    id_ = v1.insert(balance=balance)

    report = await v1.migrate()

    assert (1, 0, 0) == (report.adopted, report.rounded, report.left)
    assert (0, 0) == (v1.wallet(id_)["balanceMinor"], v1.wallet(id_)["version"])
    assert [] == v1.everything()["entries"] + v1.everything()["transactions"]


async def test_absent_dates_come_from_the_id(v1: V1) -> None:
    """Without createdAt and updatedAt the time of the ObjectId stands in; without one of them the other, or the id."""
    id_ = v1.insert(balance=1)
    v1.books["wallets"].update_one({"_id": id_}, {"$unset": {"createdAt": "", "updatedAt": ""}})

    await v1.migrate()

    assert id_.generation_time == v1.wallet(id_)["createdAt"] == v1.wallet(id_)["updatedAt"]


async def test_an_adopted_wallet_is_valid(v1: V1) -> None:
    """What adoption writes passes the validator, although the server does not check updates of invalid documents."""
    for balance in (0, 12.5, 0.1 + 0.2, 1e13):
        v1.insert(balance=balance)

    await v1.migrate()

    for name, validator in VALIDATORS.items():
        assert 0 == v1.books[name].count_documents({"$nor": [{"$jsonSchema": validator.schema}]})
    assert 4 == v1.books["wallets"].count_documents({})


async def test_minor_units_follow_the_currency(v1: V1) -> None:
    """In a currency without decimals 100 is 100, and a half is no amount."""
    whole, half = v1.insert(balance=100.0), v1.insert(balance=0.5)

    report = await v1.migrate(Currency("JPY", 0))

    assert (1, 1) == (report.adopted, report.left)
    assert (100, "JPY") == (v1.wallet(whole)["balanceMinor"], v1.wallet(whole)["currency"])
    assert [str(half)] == [each.wallet_id for each in v1.listed]


@pytest.mark.parametrize("other_form", [str, lambda owner: str(owner).upper()], ids=["lower case", "upper case"])
async def test_two_wallets_of_one_owner_are_both_left(v1: V1, other_form: Callable[[ObjectId], str]) -> None:
    """Neither of two wallets of one owner is adopted, also where one names the owner by text; others are."""
    owner = ObjectId("507f1f77bcf86cd799439011")
    left = {v1.insert(userId=owner, balance=1), v1.insert(userId=other_form(owner), balance=2)}
    v1.insert(balance=3)

    report = await v1.migrate()

    assert (1, 2) == (report.adopted, report.left)
    assert {str(id_) for id_ in left} == {each.wallet_id for each in v1.listed}
    assert all("another wallet" in each.reason for each in v1.listed)


@pytest.mark.parametrize("owner", ["507f1f77bcf86cd799439011", "507F1F77BCF86CD799439011"])
async def test_an_owner_in_text_becomes_an_object_id(v1: V1, owner: str) -> None:
    """An owner that v1 has stored as text of 24 hex digits, in either case, is found by its id afterwards."""
    v1.insert(userId=owner, balance=1)
    owner = owner.lower()

    await v1.migrate()

    wallet = await MongoReader(v1.database).wallet_of(owner)
    assert wallet is not None
    assert 100 == wallet.balance_minor


@pytest.mark.parametrize("form", [ObjectId, str])
async def test_a_wallet_that_was_left_refuses_postings(v1: V1, form: Callable[[str], object]) -> None:
    """The owner of a wallet that waits for a person is suspended, in whichever form v1 has stored the id."""
    owner = str(ObjectId())
    v1.insert(userId=form(owner), balance=-1)
    await v1.migrate()

    async def read(books: Books) -> object:
        return (await books.wallets.get_many([owner])).get(owner)

    assert SuspendedWallet(owner) == await MongoUnitOfWork(v1.database).run(read)
    assert await MongoReader(v1.database).wallet_of(owner) is None


async def test_a_second_run_changes_nothing(v1: V1) -> None:
    """After a run over adoptable and other wallets a second one leaves every document as it is."""
    for balance in (1, 0.1 + 0.2, 0, -1, "text"):
        v1.insert(balance=balance)
    await v1.migrate()
    before = v1.everything()

    report = await v1.migrate()

    assert AdoptionReport(adopted=0, rounded=0, left=2, already=3) == report
    assert before == v1.everything()


async def test_a_mended_wallet_is_adopted_by_the_next_run(v1: V1) -> None:
    """Once a person has corrected the balance the wallet is adopted, and off the list."""
    id_ = v1.insert(balance="100")
    await v1.migrate()
    v1.books["wallets"].update_one({"_id": id_}, {"$set": {"balance": 100}})

    report = await v1.migrate()

    assert AdoptionReport(adopted=1, rounded=0, left=0, already=0) == report
    assert [] == v1.everything()["unadopted"]


async def test_a_removed_wallet_is_off_the_list(v1: V1) -> None:
    """A wallet that a person has removed does not stay on the list."""
    id_ = v1.insert(balance="100")
    await v1.migrate()
    v1.books["wallets"].delete_one({"_id": id_})

    await v1.migrate()

    assert [] == v1.everything()["unadopted"]


@over_both_drivers
async def test_an_interrupted_run_is_finished_by_the_next(
    v1: V1, mongo_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped between and in the middle of batches, every wallet is whole, and the next run adopts the rest."""
    monkeypatch.setattr(adoption, "BATCH_WALLETS", 2)
    for number in range(7):
        v1.insert(balance=number + 1)

    with failing(mongo_client, ["insert"], after=3, errorCode=50):
        assert isinstance(await error_of(v1.migrate()), StoreUnavailable)
    adopted = v1.books["wallets"].count_documents({"version": {"$exists": True}})
    assert 2 == adopted == v1.books["entries"].count_documents({}) == v1.books["transactions"].count_documents({})

    report = await v1.migrate()

    assert (5, 2) == (report.adopted, report.already)
    assert 2800 == sum(int(str(each["balanceMinor"])) for each in v1.everything()["wallets"])


async def test_a_wallet_that_v1_changes_meanwhile_is_adopted_with_its_last_balance(
    v1: V1, mongo_client: Client
) -> None:
    """A write of v1 in the middle of the adoption wins the race: the adoption runs again and takes the new balance."""
    id_ = v1.insert(balance=1)
    with failing(mongo_client, ["update"], times=1, blockConnection=True, blockTimeMS=300):
        task = asyncio.ensure_future(v1.migrate())
        await until_blocked(mongo_client, "update")
        v1.books["wallets"].update_one({"_id": id_}, {"$set": {"balance": 2}})
        report = await task

    assert 1 == report.adopted
    assert 200 == v1.wallet(id_)["balanceMinor"]


async def test_an_unmigrated_database_is_noticed(v1: V1) -> None:
    """Before the adoption some ids are named; after it none, also while wallets wait for a person."""
    assert [] == list(await unmigrated(v1.database))
    ids = [str(v1.insert(balance=balance)) for balance in (1, -1, *range(15))]

    named = await unmigrated(v1.database)
    await v1.migrate()

    assert 10 == len(named)
    assert set(named) <= set(ids)
    assert [] == list(await unmigrated(v1.database))


async def test_a_wallet_without_a_balance_is_noticed_and_listed(v1: V1) -> None:
    """A document that lacks the very balance is named before the adoption, and listed by it with what is wrong."""
    id_ = v1.insert()

    named = await unmigrated(v1.database)
    report = await v1.migrate()

    assert [str(id_)] == list(named)
    assert AdoptionReport(adopted=0, rounded=0, left=1, already=0) == report
    assert [Listed(str(id_), Finding.LEFT, "its balance is missing, which is no number")] == v1.listed
    assert [] == list(await unmigrated(v1.database))


@pytest.mark.parametrize("field", [{"version": 3}, {"currency": "USD"}, {"version": 3, "currency": "USD"}], ids=str)
async def test_a_field_of_v1_does_not_make_a_wallet_ours(v1: V1, field: dict[str, object]) -> None:
    """Whatever else v1 has put into a wallet, it is noticed, refuses postings, and is adopted with its balance."""
    user_id = ObjectId()
    id_ = v1.insert(userId=user_id, balance=12.5, **field)

    named = await unmigrated(v1.database)
    before = await usable_wallet(v1.database, str(user_id))
    report = await v1.migrate()
    after = await usable_wallet(v1.database, str(user_id))

    assert [str(id_)] == list(named)
    assert before is None
    assert AdoptionReport(adopted=1, rounded=0, left=0, already=0) == report
    assert after is not None
    assert (1_250, 1) == (after.balance_minor, after.version)


async def test_a_wallet_in_another_currency_is_left(v1: V1) -> None:
    """No balance is taken for one in the currency of the books when its document says something else."""
    id_ = v1.insert(balance=5, currency="EUR")

    await v1.migrate()

    assert [Listed(str(id_), Finding.LEFT, "its currency is str EUR, and that of the books USD")] == v1.listed
    assert await books_currency(v1.database) is None


async def usable_wallet(database: Database, user_id: str) -> Wallet | None:
    """Give a user's wallet if postings may use it."""

    async def look(books: Books) -> Wallet | None:
        wallet = (await books.wallets.get_many([user_id]))[user_id]
        return None if isinstance(wallet, SuspendedWallet) else wallet

    return await MongoUnitOfWork(database).run(look)


async def test_a_v1_database_is_noticed_before_anything_is_prepared(database_url: str, mongo_client: Client) -> None:
    """On a database that only v1 has ever used the question works, and makes nothing."""
    database = connect(database_url)
    mongo_client[database.name]["wallets"].insert_one({"userId": ObjectId(), "balance": 1})

    assert 1 == len(await unmigrated(database))
    assert ["wallets"] == mongo_client[database.name].list_collection_names()
    await database.close()
