"""The newest page of a statement, seen before, and an entry has come since.

Everybody looks; then, again and again, everybody pays or is paid once, and looks again: the next page must begin with
the new entry. What is measured are the looks. A third of a second is too short to be compared with a load of some
seconds, so everybody also looks at his wallet in the same way. Money is moved by the service's own unit of work, but
without answers: nobody reads any, and to publish them would take time of the looks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AsyncExitStack
from datetime import UTC, datetime

from adapters.mongo.client import connect
from adapters.mongo.unit_of_work import MongoUnitOfWork
from tests.benchmarks import seeding
from tests.benchmarks.bench import Bench
from tests.benchmarks.figures import Figure
from tests.benchmarks.ledger import ENDED_WELL, dollar
from tests.benchmarks.questions import Asked, Question, newest_page_asked, request, wallet_asked
from tests.benchmarks.servers import Document, Place
from tests.benchmarks.targets import MOVED_PAGE, Row
from tests.e2e.deployment import AUDIENCE, ISSUER
from tests.fixtures.wallet_process import WalletProcess
from tests.scenario import USD
from wallet_core import Policy
from wallet_core.batch import load
from wallet_core.ledger import to_milliseconds
from wallet_core.ports import Books
from wallet_core.posting import plan

PASSES = 5
"""How often everybody looks in a round: with 1,000 users, 5,000 looks, as many as the other reads have in a second."""

MS = 1_000


class MovedPages:
    """What everybody asks of each driver's service, and how long it took, round by round."""

    def __init__(self, place: Place, ports: Mapping[str, int], connections: int) -> None:
        """Take where each driver's service listens. A user has one token, as a browser has."""
        self._place = place
        self._ports = ports
        self._connections = connections
        users = [str(wallet["userId"]) for wallet in place.database["wallets"].find({}, {"userId": 1})]
        self._tokens = {user: place.key.token(user, ISSUER, AUDIENCE) for user in users}
        self._times_ms: dict[str, list[tuple[float, float]]] = {driver: [] for driver in ports}

    async def take(self, driver: str) -> str:
        """Measure a round, and tell what was found. Raises WrongRun where an answer is not as it is by then."""
        await self._look(driver, newest_page_asked)
        pages_s = wallets_s = 0.0
        for _ in range(PASSES):
            await self._pay()
            wallets_s += await self._look(driver, wallet_asked)
            pages_s += await self._look(driver, newest_page_asked)
        looks = PASSES * len(self._tokens)
        page_ms, wallet_ms = MS * pages_s / looks, MS * wallets_s / looks
        self._times_ms[driver].append((page_ms, wallet_ms))
        return f"moved page {driver}: {page_ms:.2f} ms, wallet {wallet_ms:.2f} ms"

    def row(self, bench: Bench, driver: str) -> Row:
        """Give what all rounds have found."""
        pages_ms, wallets_ms = zip(*self._times_ms[driver], strict=True)
        return bench.row(MOVED_PAGE, driver, Figure(pages_ms), Figure(wallets_ms))

    async def _look(self, driver: str, asked_about: Callable[[Document], Iterator[Asked]]) -> float:
        """Let everybody look once, and give how long that took, seconds."""
        lines = [
            (request(asked.path, self._tokens[str(wallet["userId"])]), asked.expected)
            for wallet in self._place.database["wallets"].find()
            for asked in asked_about(wallet)
        ]
        question = Question.written(self._place.folder, "moved_pages", self._ports[driver], lines)
        found = await question.load(self._connections, 0)
        looked_s: float = found["looked_s"]
        return looked_s

    async def _pay(self) -> None:
        """Let every second user send a dollar to the next one."""
        users = list(self._tokens)
        requests = list(map(dollar, zip(users[::2], users[1::2], strict=True)))

        async def work(books: Books) -> None:
            made = plan(requests, await load(requests, books), Policy(USD), to_milliseconds(datetime.now(UTC)))
            assert {outcome.kind for outcome in made.outcomes} <= ENDED_WELL, made.outcomes
            await books.wallets.change_many(made.wallets_changed)
            await books.journal.record_many(made.records_new)
            await books.journal.append_many(made.entries)

        database = connect(self._place.database_url)
        await MongoUnitOfWork(database).run(work)
        await database.close()


async def moved_pages(bench: Bench, stack: AsyncExitStack) -> MovedPages:
    """Start the service with each driver; ``stack`` ends it."""
    place = stack.enter_context(bench.servers.place(seeding.MOVING))
    ports = {}
    for driver in bench.drivers:
        folder = place.folder / driver
        folder.mkdir()
        process = await stack.enter_async_context(WalletProcess(folder, place.settings(driver)))
        await process.start()
        ports[driver] = process.port
    return MovedPages(place, ports, bench.effort.connections)
