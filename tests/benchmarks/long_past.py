"""A page of a statement from a wallet with a very long past costs what one from a short past costs.

One connection asks for pages near the newest entry, from the middle and near the oldest, of a wallet with a million
entries and of one with a thousand, in turns: for so many that none of them is kept until it is asked for again. How
many index keys mongod looks at for such pages is read from its profiler: that does not depend on how busy it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack

from tests.benchmarks import seeding
from tests.benchmarks.bench import Bench, Section
from tests.benchmarks.conservation import WrongRun
from tests.benchmarks.figures import Figure, rotated
from tests.benchmarks.questions import PAGE_PATH, Question, request
from tests.benchmarks.servers import Document, Place
from tests.benchmarks.targets import KEYS, LONG, Row
from tests.benchmarks.transfers import user_id
from tests.e2e.deployment import AUDIENCE, ISSUER, STATEMENT
from tests.fixtures.wallet_process import WalletProcess

ROWS = 50

LIMITS = (ROWS - 1, ROWS, ROWS + 1)
PAGES_EACH = 300
"""Rows of the pages that are timed, and how many of each there are near each of three places: 2,700 in all, twice as
many as a service keeps (``statement_pages.PAGES_BYTES_MAX``)."""

PROFILE_ALL = 2
PROFILE_NONE = 0
"""Levels of mongod's profiler."""


async def measure(bench: Bench) -> Section:
    """Measure both wallets in turns, with each driver."""
    entries = (bench.effort.entries_long, bench.effort.entries_short)
    rows: list[Row] = []
    for driver in bench.drivers:
        async with AsyncExitStack() as stack:
            place = stack.enter_context(bench.servers.place(seeding.LONG))
            process = await stack.enter_async_context(WalletProcess(place.folder, place.settings(driver)))
            await process.start()
            questions = [_question(place, process.port, number, count) for number, count in enumerate(entries)]
            keys = [await _keys_examined(place, process, number, count) for number, count in enumerate(entries)]
            times_ms = await _times_ms(bench, driver, questions)
        rows.append(bench.row(LONG, driver, *map(Figure, times_ms)))
        rows.append(bench.row(KEYS, driver, *(Figure((float(count),)) for count in keys)))
    return Section(tuple(rows))


def pages_of(entries: int) -> list[tuple[str, int]]:
    """Give the paths of the page behind the newest entry, one from the middle and the oldest, with first sequences."""
    return [(f"{PAGE_PATH}&cursor={cursor}", cursor - 1) for cursor in (entries, entries // 2, ROWS + 1)]


def timed_pages_of(entries: int) -> list[tuple[str, int]]:
    """Give the paths of many pages near these places, no two alike, with their first sequences."""
    newest, middle, oldest = entries, (entries + PAGES_EACH) // 2, ROWS + 1 + PAGES_EACH
    cursors = [cursor for place in (newest, middle, oldest) for cursor in range(place, place - PAGES_EACH, -1)]
    return [(f"{STATEMENT}?limit={limit}&cursor={cursor}", cursor - 1) for limit in LIMITS for cursor in cursors]


def _question(place: Place, port: int, number: int, entries: int) -> Question:
    """Ask for the pages of one wallet; the first row of each must be the one with its sequence."""
    token = place.key.token(user_id(number), ISSUER, AUDIENCE)
    asked = [(request(path, token), f'-{sequence}",') for path, sequence in timed_pages_of(entries)]
    return Question.written(place.folder, f"long_{number}", port, asked)


async def _times_ms(bench: Bench, driver: str, questions: Sequence[Question]) -> list[tuple[float, ...]]:
    """Give for each question the median time to an answer, round by round."""
    times_ms: list[list[float]] = [[] for _ in questions]
    names = tuple(map(str, range(len(questions))))
    for number in range(bench.effort.runs):
        for name in rotated(names, number):
            found = await questions[int(name)].load(1, bench.effort.read_s)
            times_ms[int(name)].append(found["p50_ms"])
        bench.tell(f"round {number + 1}  page {driver:<8} " + ", ".join(f"{times[-1]:.2f} ms" for times in times_ms))
    return [tuple(times) for times in times_ms]


async def _keys_examined(place: Place, process: WalletProcess, number: int, entries: int) -> int:
    """Let mongod write down what it does for each page of a wallet, and add up the index keys that it looks at."""
    token = place.key.token(user_id(number), ISSUER, AUDIENCE)
    place.database.command("profile", PROFILE_ALL)
    try:
        for path, _ in pages_of(entries):
            answer = await process.http.get(path, headers={"authorization": f"Bearer {token}"})
            if len(answer.json()["transactions"]) != ROWS:
                raise WrongRun(f"{path} gave no {ROWS} rows: {answer.text[:200]}")
    finally:
        place.database.command("profile", PROFILE_NONE)
    where = {"ns": f"{place.database.name}.entries"}
    (examined,) = place.database["system.profile"].aggregate([{"$match": where}, {"$group": _KEYS}])
    place.database.drop_collection("system.profile")
    keys = examined["keys"]
    assert isinstance(keys, int)
    return keys


_KEYS: Document = {"_id": None, "keys": {"$sum": "$keysExamined"}}
