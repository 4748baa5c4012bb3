"""Books that are there before a measurement begins: written in bulk, valid in every invariant.

The rules decide (``wallet_core.posting.plan``), the adapter writes the documents; collections, validators and indexes
are those of the service. What is left out is the transaction around each batch, the outbox and the answers: nobody
waits for those. ``wallet audit`` finds nothing to say about such books.

Bounds: ``open_wallets`` holds one batch in memory, ``Bulk`` the wallets that it posts to as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import TypeVar

from bson import ObjectId
from pymongo.database import Database
from pymongo.write_concern import WriteConcern

from adapters.mongo.client import connect
from adapters.mongo.documents import entry_to_document, record_to_document, wallet_to_document
from adapters.mongo.indexes import prepare
from tests.benchmarks.transfers import user_id
from tests.scenario import USD
from wallet_core import OutcomeKind, Policy, Subject, request_of
from wallet_core.commands import OpenWallet, Request, SetAside
from wallet_core.drafts import Plan, State
from wallet_core.posting import plan

T = TypeVar("T")

Document = dict[str, object]

OPENING_MINOR = 100_000_00
"""Cents that each wallet is opened with: more than any load of ours can take away."""

BATCH_REQUESTS = 1_000

ENDED_WELL = {OutcomeKind.OPENED, OutcomeKind.APPLIED}


async def prepare_database(url: str) -> None:
    """Make what the service makes at its first start: collections, validators, indexes."""
    database = connect(url)
    await prepare(database)
    await database.close()


def open_wallets(database: Database[Document], numbers: Iterable[int]) -> None:
    """Open and fund the wallets of these users."""
    policy = Policy(USD, opening_balance_minor=OPENING_MINOR)
    for batch in batches((OpenWallet(user_id(number)) for number in numbers), BATCH_REQUESTS):
        made = _planned(batch, State({}, {}), policy)
        _insert(database, "wallets", [wallet_to_document(wallet) for wallet in made.wallets_opened])
        _insert_journal(database, made)


class Bulk:
    """Posts to a few wallets, which are written when all is posted."""

    def __init__(self, database: Database[Document], users: Sequence[str]) -> None:
        """Open a wallet for each user, with nothing in it."""
        self._database = database
        opened = _planned([OpenWallet(user) for user in users], State({}, {}), Policy(USD))
        self._wallets = {wallet.user_id: wallet for wallet in opened.wallets_opened}

    def topups(self, parties: Iterable[tuple[str, int]]) -> None:
        """Post a top-up of so many dollars for each of these users."""
        self._post(_request({"type": "TopUp", "userId": user, "amount": dollars}) for user, dollars in parties)

    def transfers(self, parties: Iterable[tuple[str, str]]) -> None:
        """Post a transfer of one dollar for each pair of sender and recipient."""
        self._post(map(dollar, parties))

    def finish(self) -> None:
        """Write the wallets."""
        _insert(self._database, "wallets", [wallet_to_document(wallet) for wallet in self._wallets.values()])

    def _post(self, requests: Iterable[Request]) -> None:
        for batch in batches(requests, BATCH_REQUESTS):
            made = _planned(batch, State(self._wallets, {}), Policy(USD))
            self._wallets.update((change.wallet.user_id, change.wallet) for change in made.wallets_changed)
            _insert_journal(self._database, made)


def dollar(parties: tuple[str, str]) -> Request:
    """Give a transfer of one dollar from a sender to a recipient."""
    sender, recipient = parties
    return _request({"type": "Transfer", "fromUserId": sender, "toUserId": recipient, "amount": 1})


def batches(values: Iterable[T], size: int) -> Iterator[list[T]]:
    """Deal values out in lists of at most ``size``."""
    rest = iter(values)
    while batch := list(islice(rest, size)):
        yield batch


def _request(message: Document) -> Request:
    request = request_of(Subject.COMPLETED, {"transactionId": str(ObjectId()), **message}, USD)
    assert not isinstance(request, SetAside), request.detail
    return request


def _planned(requests: Sequence[Request], state: State, policy: Policy) -> Plan:
    now = datetime.now(UTC)
    made = plan(requests, state, policy, now.replace(microsecond=now.microsecond // 1_000 * 1_000))
    assert {outcome.kind for outcome in made.outcomes} <= ENDED_WELL, made.outcomes
    return made


def _insert_journal(database: Database[Document], made: Plan) -> None:
    _insert(database, "entries", [entry_to_document(entry) for entry in made.entries])
    _insert(database, "transactions", [record_to_document(record) for record in made.records_new])


def _insert(database: Database[Document], name: str, documents: Sequence[Document]) -> None:
    if documents:
        unsafe = WriteConcern(w=1, j=False)  # a crash would end the measurement anyway
        database.get_collection(name, write_concern=unsafe).insert_many(list(documents), ordered=False)
