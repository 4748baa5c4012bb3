"""``wallet migrate``: prepare the database, record what v1 had done, adopt v1's wallets; in this order.

Which transactions v1 had applied is not in its books. Decision: where v1's wallets are to be taken over, the command
refuses to go on without the database that knows it (``--transactions-url``), unless it is told to
(``--without-transactions``): a ``completed`` that v1 has applied may come again, and would move its money twice.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

from adapters.clock import SystemClock
from adapters.mongo.abandoned import AbandonedTransactions
from adapters.mongo.adoption import AdoptionReport, Listed, adopt
from adapters.mongo.client import Database, connect
from adapters.mongo.cutover import require_same_instant
from adapters.mongo.driver import Driver
from adapters.mongo.errors import UnsuitableStore
from adapters.mongo.indexes import prepare
from adapters.mongo.seeding import Seeding
from adapters.mongo.v1_books import are_v1_alone, changed_after
from adapters.rabbitmq.connection import BROKER_ERRORS, described
from adapters.rabbitmq.queue_counts import QueueCount, queue_counts
from adapters.rabbitmq.topology import FINALIZED_QUEUE, INPUT_QUEUES
from entrypoints.books_observer import BooksObserver
from entrypoints.books_preparation import require_currency
from entrypoints.commands.seed import seed
from entrypoints.connection_url import DatabaseUrl, database_url
from entrypoints.deployment_policy import policy_of
from entrypoints.fault_injection import fault_injection
from entrypoints.metrics import metrics_registry
from entrypoints.screen import fail, hint, print_plain
from entrypoints.settings import Settings
from entrypoints.start_refused import StartRefused
from wallet_core.errors import ConcurrentUpdate, StoreUnavailable
from wallet_core.fields import iso_milliseconds, readable_instant
from wallet_core.messages import Subject

NOBODY_MAY_CONSUME = (
    "{count} consumer(s) of {queue} are attached: money would move while it is adopted. "
    "Stop the wallet service that runs (old or new), then type this again."
)
ANSWERS_WAIT = (
    "{count} answer(s) wait in {queue}: what v1 has applied shows only once the transactions service has read them. "
    "Let it run until the queue is empty, then type this again."
)
FAILED_WAIT = (
    "{count} transaction.failed wait in {queue}. One about a transaction that is Failed already will change nothing: "
    "look whether v1 had applied it before, and was still to take it back."
)
NOT_KNOWN = (
    "Not known: which transactions v1 had applied. If the transaction.completed of one comes again, its money moves a "
    "second time; if its transaction.failed comes, nothing is taken back."
)
SAY_WHICH = (
    "Give --transactions-url mongodb://.../mint_txns, the database of the transactions service, which knows it. "
    "Only if that is lost, say --without-transactions, and see to it that no queue holds such a message."
)
CHANGED_AFTER = (
    "v1 has ended at {instant} (--v1-stopped-at, or what an earlier run has kept of it), and wallet {id} of v1 was "
    "changed after it: give the instant of v1's end. If you have mended that wallet by hand, let its updatedAt be what "
    "v1 has set"
)


class BadOption(Exception):
    """An option that cannot be understood, or does not go with another."""


@dataclass(frozen=True, slots=True)
class V1Knowledge:
    """
    What is known of v1's doings: where its transactions are, and when it ended.

    ``is_waived``: the operator goes on without.
    """

    transactions: DatabaseUrl | None
    stopped_at: datetime | None
    is_waived: bool


def v1_knowledge(transactions_url: str | None, v1_stopped_at: str | None, *, is_waived: bool) -> V1Knowledge:
    """Read the options. Raises BadOption, whose text shows nothing of the address."""
    if is_waived and transactions_url is not None:
        raise BadOption("--transactions-url and --without-transactions exclude each other")
    if v1_stopped_at is not None and transactions_url is None:
        raise BadOption("--v1-stopped-at goes with --transactions-url")
    stopped_at = None if v1_stopped_at is None else readable_instant(v1_stopped_at)
    if v1_stopped_at is not None and stopped_at is None:
        raise BadOption("--v1-stopped-at is no instant with an offset, such as 2026-11-22T14:00:00Z")
    try:
        transactions = None if transactions_url is None else database_url(transactions_url)
    except ValueError as error:
        raise BadOption(f"--transactions-url {error}. Give mongodb://user:password@host:port/mint_txns") from None
    return V1Knowledge(transactions, stopped_at, is_waived)


async def migrate(settings: Settings, knowledge: V1Knowledge) -> int:
    """Take everything over that can be; 1 if something was left for a person, 2 if it could not run."""
    try:
        queues = [queue.name for queue in INPUT_QUEUES]
        counts = await queue_counts(settings.rabbitmq_url.reveal(), [*queues, FINALIZED_QUEUE])
    except BROKER_ERRORS as error:
        fail(
            f"RabbitMQ at {settings.rabbitmq_url.redacted} cannot be asked whether a wallet service still consumes "
            f"({described(error)}): see RABBITMQ_URL"
        )
        return 2
    refusals = list(_refusals(counts, knowledge))
    for refusal in refusals:
        fail(refusal)
    if refusals:
        return 2
    exit_code = await _take_over(settings, knowledge)
    return max(exit_code, _failed_that_wait(counts, knowledge))


def _refusals(counts: Mapping[str, QueueCount], knowledge: V1Knowledge) -> Iterator[str]:
    for queue in INPUT_QUEUES:
        if count := counts[queue.name].consumers:
            yield NOBODY_MAY_CONSUME.format(count=count, queue=queue.name)
    if knowledge.transactions is not None and (count := counts[FINALIZED_QUEUE].messages):
        yield ANSWERS_WAIT.format(count=count, queue=FINALIZED_QUEUE)


def _failed_that_wait(counts: Mapping[str, QueueCount], knowledge: V1Knowledge) -> int:
    queue = next(queue.name for queue in INPUT_QUEUES if queue.subject is Subject.FAILED)
    if knowledge.transactions is None or not counts[queue].messages:
        return 0
    hint(FAILED_WAIT.format(count=counts[queue].messages, queue=queue))
    return 1


async def _take_over(settings: Settings, knowledge: V1Knowledge) -> int:
    try:
        observer = BooksObserver(metrics_registry(), fault_injection(settings))
        async with _connected(settings, settings.database_url, observer=observer) as books:
            await books.check()
            await AbandonedTransactions(books).end(idle_s=0)  # nobody consumes: whoever has left one open was killed
            await _require_knowledge(books, knowledge)
            await require_currency(books, settings.wallet_currency)
            exit_code = await _record_v1(settings, knowledge, books)
            report = await adopt(books, settings.wallet_currency, SystemClock(), _tell)
    except (UnsuitableStore, StartRefused) as error:
        fail(str(error))
        return 2
    except (StoreUnavailable, ConcurrentUpdate) as error:
        source = (
            "" if knowledge.transactions is None else f"\n--transactions-url names {knowledge.transactions.redacted}"
        )
        fail(
            f"{error}\nDATABASE_URL names {settings.database_url.redacted}{source}\n"
            "What was taken over stays so; type this again to go on."
        )
        return 2
    return max(exit_code, _summary(report))


async def _require_knowledge(books: Database, knowledge: V1Knowledge) -> None:
    """Refuse to take v1's wallets over blindly, or on a wrong assurance. Raises StartRefused and others."""
    if knowledge.transactions is None and await are_v1_alone(books):
        if not knowledge.is_waived:
            raise StartRefused(f"{NOT_KNOWN}\n{SAY_WHICH}")
        hint(NOT_KNOWN)
    stopped_at = await require_same_instant(books, knowledge.stopped_at)
    if stopped_at is not None and (wallet_id := await changed_after(books, stopped_at)):
        raise StartRefused(CHANGED_AFTER.format(instant=iso_milliseconds(stopped_at), id=wallet_id))


async def _record_v1(settings: Settings, knowledge: V1Knowledge, books: Database) -> int:
    """Prepare the books, and record v1's transactions in them if it is known where; 1 if a person must look."""
    if knowledge.transactions is None:
        await prepare(books)
        return 0
    async with _connected(settings, knowledge.transactions, "--transactions-url") as source:
        seeding = Seeding(source, books, policy_of(settings), SystemClock(), knowledge.stopped_at)
        await seeding.check()
        await prepare(books)
        return await seed(seeding)


@asynccontextmanager
async def _connected(
    settings: Settings, url: DatabaseUrl, option: str = "DATABASE_URL", observer: BooksObserver | None = None
) -> AsyncIterator[Database]:
    try:
        database = connect(url.reveal(), observer, Driver(settings.wallet_mongo_driver))
    except UnsuitableStore as error:
        raise StartRefused(str(error).replace("DATABASE_URL", option)) from None
    try:
        yield database
    finally:
        await database.close()


def _tell(listed: Listed) -> None:
    print_plain(f"{listed.finding.value:<10} {listed.wallet_id}  {listed.reason}")


def _summary(report: AdoptionReport) -> int:
    print_plain(
        f"{report.adopted} adopted ({report.rounded} of them rounded), {report.already} were ours already, "
        f"{report.left} left as they are"
    )
    if not report.left:
        return 0
    hint("Those left refuse postings. Mend each document by hand, then type 'wallet migrate' again.")
    return 1
