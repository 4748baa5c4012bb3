"""Reads over HTTP: a wallet, and a page of a statement.

Many users, each with a token that the warm-up has made known to the service; 32 connections; every answer must be a
200, and the first of each user must show the balance that is in the books. In turns within each round: the bare route,
one ``find_one`` per request, our wallet, our page of the newest entries, which is kept, and so many pages of older ones
that none of them is kept until it is asked for again; then pages that have one entry more than when they were seen. The
service is ``wallet run``, with nothing to consume.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from functools import partial

from adapters.embedded.free_port import free_ports, is_listening
from tests.benchmarks import seeding
from tests.benchmarks.bench import Bench, Section
from tests.benchmarks.figures import Figure, rotated
from tests.benchmarks.moved_pages import MovedPages, moved_pages
from tests.benchmarks.program import started
from tests.benchmarks.questions import (
    PAGE_PATH,
    Asked,
    Question,
    newest_page_asked,
    page_beginning,
    request,
    wallet_asked,
)
from tests.benchmarks.servers import Document, Place
from tests.benchmarks.targets import FIND_ONE, PAGE, UNSEEN_PAGE, WALLET, Row
from tests.e2e.deployment import AUDIENCE, ISSUER
from tests.fixtures.wallet_process import WalletProcess
from tests.neighbour import eventually

BARE = "bare"
UNSEEN_PAGES = 4_000
"""Pages that are asked for in turn: three times as many as a service keeps (``statement_pages.PAGES_BYTES_MAX``)."""

LISTENING_S_MAX = 30.0
MS = 1_000


async def measure(bench: Bench) -> Section:
    """Measure everything in turns."""
    taken: dict[str, list[float]] = {}
    async with AsyncExitStack() as stack:
        place = stack.enter_context(bench.servers.place(seeding.BOOKS))
        questions = await _questions(bench, stack, place)
        moved = await moved_pages(bench, stack)
        for number in range(bench.effort.runs):
            for name in rotated(tuple(questions), number):
                found = await questions[name].load(bench.effort.connections, bench.effort.read_s)
                rate_per_s = found["answers"] / found["seconds"]
                taken.setdefault(name, []).append(rate_per_s)
                bench.tell(
                    f"round {number + 1}  {name:<17} {rate_per_s:7,.0f}/s  p50 {found['p50_ms']:.1f} ms, "
                    f"p99 {found['p99_ms']:.1f} ms"
                )
            for driver in bench.drivers:
                bench.tell(f"round {number + 1}  {await moved.take(driver)}")
        rates = {name: tuple(rates) for name, rates in taken.items()}
        return Section(tuple(_rows(bench, rates, moved)))


def _rows(bench: Bench, rates: Mapping[str, tuple[float, ...]], moved: MovedPages) -> Iterator[Row]:
    for driver in bench.drivers:
        wallet, page, unseen = (rates[f"{name} {driver}"] for name in ("wallet", "page", "unseen page"))
        yield bench.row(WALLET, driver, Figure(wallet), Figure(rates[BARE]))
        yield bench.row(FIND_ONE, driver, Figure(wallet), Figure(rates[f"find_one {driver}"]))
        yield bench.row(PAGE, driver, _time_ms(page), _time_ms(wallet))
        yield moved.row(bench, driver)
        yield bench.row(UNSEEN_PAGE, driver, _time_ms(unseen), _time_ms(wallet))


def _time_ms(rates_per_s: Sequence[float]) -> Figure:
    return Figure(tuple(MS / rate_per_s for rate_per_s in rates_per_s))


async def _questions(bench: Bench, stack: AsyncExitStack, place: Place) -> dict[str, Question]:
    """Start every server, and say what each is asked."""
    wallets = list(place.database["wallets"].find())
    tokens = {str(wallet["userId"]): place.key.token(str(wallet["userId"]), ISSUER, AUDIENCE) for wallet in wallets}
    port = await _served(stack, "bare")
    questions = {BARE: Question.written(place.folder, BARE, port, [(request("/x"), "balance")])}
    for driver in bench.drivers:
        port = await _served(stack, "find_one", driver, place.database_url)
        asked = [(request(f"/x/{wallet['userId']}"), str(wallet["_id"])) for wallet in wallets]
        questions[f"find_one {driver}"] = Question.written(place.folder, f"find_one_{driver}", port, asked)
    for driver in bench.drivers:
        service = stack.enter_context(bench.servers.place(seeding.BOOKS))
        process = await stack.enter_async_context(WalletProcess(service.folder, service.settings(driver)))
        await process.start()
        for name, asked_about in _ours(len(wallets)).items():
            lines = [
                (request(path, tokens[str(wallet["userId"])]), shown)
                for wallet in wallets
                for path, shown in asked_about(wallet)
            ]
            file = f"{name}_{driver}".replace(" ", "_")
            questions[f"{name} {driver}"] = Question.written(place.folder, file, process.port, lines)
    return questions


async def _served(stack: AsyncExitStack, module: str, *arguments: str) -> int:
    """Start a reference server, and give its port when it listens."""
    (port,) = free_ports(1)
    await stack.enter_async_context(started(module, str(port), *arguments))

    async def listens() -> bool:
        return is_listening(port, LISTENING_S_MAX)

    await eventually(listens, f"{module} listens", LISTENING_S_MAX)
    return port


def _ours(users: int) -> Mapping[str, Callable[[Document], Iterator[Asked]]]:
    """Give by name what our service is asked about a wallet, where there are so many."""
    unseen_each = -(-UNSEEN_PAGES // users)
    return {
        "wallet": wallet_asked,
        "page": newest_page_asked,
        "unseen page": partial(_unseen_pages_asked, count=unseen_each),
    }


def _unseen_pages_asked(wallet: Document, count: int) -> Iterator[Asked]:
    """Give the paths of so many pages behind the newest entries, and their beginnings."""
    version = wallet["version"]
    assert isinstance(version, int)
    for cursor in range(version, version - count, -1):
        yield Asked(f"{PAGE_PATH}&cursor={cursor}", page_beginning(wallet, cursor - 1))
