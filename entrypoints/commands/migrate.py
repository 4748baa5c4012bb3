"""``wallet migrate``: prepare the database and adopt the wallets of v1."""

from __future__ import annotations

from adapters.clock import SystemClock
from adapters.mongo.adoption import AdoptionReport, Listed, adopt
from adapters.mongo.client import Database, connect
from adapters.mongo.errors import UnsuitableStore
from adapters.mongo.indexes import prepare
from adapters.rabbitmq.attached_consumers import attached_consumers
from adapters.rabbitmq.connection import BROKER_ERRORS, described
from entrypoints.books_preparation import require_currency
from entrypoints.screen import fail, hint, print_plain
from entrypoints.settings import Settings
from entrypoints.start_refused import StartRefused
from wallet_core.errors import ConcurrentUpdate, StoreUnavailable

NOBODY_MAY_CONSUME = (
    "{count} consumer(s) of {queue} are attached: money would move while it is adopted. "
    "Stop the wallet service that runs (old or new), then type this again."
)


async def migrate(settings: Settings) -> int:
    """Adopt everything that can be adopted exactly; 1 if something was left for a person, 2 if it could not run."""
    try:
        attached = await attached_consumers(settings.rabbitmq_url.reveal())
    except BROKER_ERRORS as error:
        fail(
            f"RabbitMQ at {settings.rabbitmq_url.redacted} cannot be asked whether a wallet service still consumes "
            f"({described(error)}): see RABBITMQ_URL"
        )
        return 2
    for queue, count in attached.items():
        fail(NOBODY_MAY_CONSUME.format(count=count, queue=queue))
    if attached:
        return 2
    return await _adopt(settings)


async def _adopt(settings: Settings) -> int:
    database: Database | None = None
    try:
        database = connect(settings.database_url.reveal())
        await database.check()
        await require_currency(database, settings.wallet_currency)
        await prepare(database)
        report = await adopt(database, settings.wallet_currency, SystemClock(), _tell)
    except (UnsuitableStore, StartRefused) as error:
        fail(str(error))
        return 2
    except (StoreUnavailable, ConcurrentUpdate) as error:
        fail(
            f"{error}\nDATABASE_URL names {settings.database_url.redacted}\n"
            "What was adopted stays so; type this again to go on."
        )
        return 2
    finally:
        if database is not None:
            await database.close()
    return _summary(report)


def _tell(listed: Listed) -> None:
    print_plain(f"{listed.finding.value:<8} {listed.wallet_id}  {listed.reason}")


def _summary(report: AdoptionReport) -> int:
    print_plain(
        f"{report.adopted} adopted ({report.rounded} of them rounded), {report.already} were ours already, "
        f"{report.left} left as they are"
    )
    if not report.left:
        return 0
    hint("Those left refuse postings. Mend each document by hand, then type 'wallet migrate' again.")
    return 1
