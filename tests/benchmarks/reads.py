"""Reads over HTTP: a wallet, and a page of a statement.

Many users, each with a token that the warm-up has made known to the service; 32 connections; every answer must be a
200, and the first of each user must show the balance that is in the books. In turns within each round: the bare route,
one ``find_one`` per request, our wallet, our page of the newest entries, which is kept, and so many pages of older ones
that none of them is kept until it is asked for again. The service is ``wallet run``, with nothing to consume.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from adapters.embedded.free_port import free_ports, is_listening
from tests.benchmarks import seeding
from tests.benchmarks.bench import Bench, Section
from tests.benchmarks.conservation import WrongRun
from tests.benchmarks.figures import Figure, rotated
from tests.benchmarks.program import started
from tests.benchmarks.servers import Document, Place
from tests.benchmarks.targets import FIND_ONE, PAGE, UNSEEN_PAGE, WALLET, Row
from tests.benchmarks.transfers import CENTS
from tests.e2e.deployment import AUDIENCE, ISSUER, STATEMENT
from tests.e2e.deployment import WALLET as WALLET_PATH
from tests.fixtures.wallet_process import WalletProcess
from tests.neighbour import eventually

BARE = "bare"
PAGE_PATH = f"{STATEMENT}?limit=50"

UNSEEN_PAGES = 4_000
"""Pages that are asked for in turn: three times as many as a service keeps (``statement_pages.PAGES_BYTES_MAX``)."""

LISTENING_S_MAX = 30.0
LOADED_S_MAX = 300.0
MS = 1_000


class Asked(NamedTuple):
    """What is asked about a wallet: a path, and the text that must be in the answer."""

    path: str
    expected: str


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of one server: requests, and the text that must be in the answer to each."""

    port: int
    requests: Path
    expected: Path

    @classmethod
    def written(cls, folder: Path, name: str, port: int, lines: Sequence[tuple[str, str]]) -> Question:
        """Write requests and expected texts to files of this name."""
        question = cls(port, folder / f"{name}.requests", folder / f"{name}.expected")
        for file, texts in zip((question.requests, question.expected), zip(*lines, strict=True), strict=True):
            file.write_text("".join(json.dumps(text) + "\n" for text in texts), encoding="utf-8")
        return question

    async def load(self, connections: int, seconds: float) -> Mapping[str, Any]:
        """Ask for so long, and give what came back. Raises WrongRun for any answer that is no 200."""
        numbers = map(str, (self.port, connections, seconds))
        async with started("http_client", *numbers, str(self.requests), str(self.expected)) as client:
            found: Mapping[str, Any] = await client.says(LOADED_S_MAX)
        if set(found["statuses"]) != {"200"}:
            raise WrongRun(f"{self.requests.name}: {found['statuses']}")
        return found


def request(path: str, token: str | None = None) -> str:
    """Write a request as a browser behind a gateway sends it, without what does not matter."""
    cookie = "" if token is None else f"Cookie: mint_session={token}\r\n"
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{cookie}\r\n"


async def measure(bench: Bench) -> Section:
    """Measure everything in turns."""
    taken: dict[str, list[float]] = {}
    async with AsyncExitStack() as stack:
        place = stack.enter_context(bench.servers.place(seeding.BOOKS))
        questions = await _questions(bench, stack, place)
        for number in range(bench.effort.runs):
            for name in rotated(tuple(questions), number):
                found = await questions[name].load(bench.effort.connections, bench.effort.read_s)
                rate_per_s = found["answers"] / found["seconds"]
                taken.setdefault(name, []).append(rate_per_s)
                bench.tell(
                    f"round {number + 1}  {name:<17} {rate_per_s:7,.0f}/s  p50 {found['p50_ms']:.1f} ms, "
                    f"p99 {found['p99_ms']:.1f} ms"
                )
    return Section(tuple(_rows(bench, {name: tuple(rates) for name, rates in taken.items()})))


def _rows(bench: Bench, rates: Mapping[str, tuple[float, ...]]) -> Iterator[Row]:
    for driver in bench.drivers:
        wallet, page, unseen = (rates[f"{name} {driver}"] for name in ("wallet", "page", "unseen page"))
        yield bench.row(WALLET, driver, Figure(wallet), Figure(rates[BARE]))
        yield bench.row(FIND_ONE, driver, Figure(wallet), Figure(rates[f"find_one {driver}"]))
        yield bench.row(PAGE, driver, _time_ms(page), _time_ms(wallet))
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
        "wallet": _wallet_asked,
        "page": _page_asked,
        "unseen page": partial(_unseen_pages_asked, count=unseen_each),
    }


def _wallet_asked(wallet: Document) -> Iterator[Asked]:
    """Give the path of a wallet, and the text of the books that must be in the answer: whose, and how much is in it."""
    balance_minor = wallet["balanceMinor"]
    assert isinstance(balance_minor, int)
    balance = f"{balance_minor // CENTS}.{balance_minor % CENTS:02}"
    yield Asked(WALLET_PATH, f'"userId":"{wallet["userId"]}","balance":{balance}')


def _page_asked(wallet: Document) -> Iterator[Asked]:
    """Give the path of the newest page, and its beginning: the wallet, and its last entry."""
    yield Asked(PAGE_PATH, _beginning(wallet, wallet["version"]))


def _unseen_pages_asked(wallet: Document, count: int) -> Iterator[Asked]:
    """Give the paths of so many pages behind the newest entries, and their beginnings."""
    version = wallet["version"]
    assert isinstance(version, int)
    for cursor in range(version, version - count, -1):
        yield Asked(f"{PAGE_PATH}&cursor={cursor}", _beginning(wallet, cursor - 1))


def _beginning(wallet: Document, sequence: object) -> str:
    return f'{{"transactions":[{{"id":"{wallet["_id"]}-{sequence}"'
