"""The operator's replay of dead letters: typed twice, killed in the middle, by two people at once (T14).

The letters are reversals whose money was already spent. When the recipient has settled, each replayed letter takes its
transfer back: once, however often it comes.
"""

from __future__ import annotations

import asyncio
import re
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from adapters.rabbitmq.connection import connected
from adapters.rabbitmq.topology import DEAD_LETTER_QUEUE
from tests.faults.load import MINOR
from tests.faults.scene import Scene
from tests.faults.stage import Stage
from tests.fixtures.wallet_process import COMMAND, environment
from tests.neighbour import Neighbour, eventually
from tests.scenario import Event, failed, transfer_v1
from tests.tcp_proxy import Direction, Passage, tcp_proxy

LETTERS = 500
REPLAY = ("dead-letters", "replay", "--reason", "reversal_shortfall")

SET_ASIDE_S = 60.0
"""Longest wait until all letters are there, seconds: each event is tried four times within 6 s."""

REPLAY_S = 60.0
"""Longest replay, seconds: 500 letters take 2."""

KILLS = 6

BYTES_MIN, BYTES_MAX = 1_000, 30_000
"""How much of what it has to say a replay gets out before it is killed: the handshake takes 700, a letter some 700."""


def short(scene: Scene) -> tuple[list[Event], list[Event]]:
    """Draw transfers to somebody who spends what he gets at once, and their failures, which find nothing to take."""
    load, spender = scene.load, scene.load.late[0]
    ids = [load.new_id() for _ in range(LETTERS)]
    given = [transfer_v1(id_, scene.chance.choice(load.users), spender, 1) for id_ in ids]
    load.failed.update(ids)
    spent, taker = load.new_id(), load.users[0]
    load.completed.add(spent)
    load.balances_minor[spender] -= LETTERS * MINOR
    load.balances_minor[taker] += LETTERS * MINOR
    return [*load.late_signups(), *given], [transfer_v1(spent, spender, taker, LETTERS), *map(failed, ids)]


@asynccontextmanager
async def settled_letters(stage: Stage) -> AsyncIterator[Scene]:
    """Let LETTERS reversals and one poison message become dead letters, and the spender settle."""
    async with stage.scene() as scene, connected(scene.servers.rabbitmq.url(scene.vhost), "operator") as connection:
        neighbour = Neighbour(connection)
        given, spent_and_failed = short(scene)
        await scene.client.send(*given)
        await transactions_in(scene, len(given) - len(scene.load.late))
        await scene.client.send(*spent_and_failed, scene.load.poison())
        await letters_are(neighbour, LETTERS + 1, SET_ASIDE_S)
        settling = scene.load.topup(scene.load.late[0], LETTERS)
        await scene.client.send(settling)
        await transactions_in(scene, len(scene.load.completed | scene.load.failed))
        yield scene
        await letters_are(neighbour, 1)


async def transactions_in(scene: Scene, count: int) -> None:
    """Wait until the books have records of so many transactions that were sent since the wallets were opened."""
    wanted = scene.load.completed | scene.load.failed

    async def are() -> bool:
        found = {str(record["_id"]) for record in scene.books["transactions"].find({}, projection={"_id": 1})}
        return len(found & wanted) >= count

    await eventually(are, f"{count} transactions are in the books", SET_ASIDE_S)


async def letters_are(neighbour: Neighbour, count: int, timeout_s: float = 15.0) -> None:
    """Wait until so many letters are in the queue, none of them in anybody's hands."""

    async def are() -> bool:
        return await neighbour.ready(DEAD_LETTER_QUEUE) == count

    await eventually(are, f"{count} dead letters", timeout_s)


def launched(scene: Scene, **settings: str) -> subprocess.Popen[str]:
    """Start a replay as an operator does, and wait for nothing."""
    return subprocess.Popen(
        (*COMMAND, *REPLAY),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
        env=environment(scene.folder, {**scene.settings, **settings}),
        cwd=scene.folder,
    )


async def finished(replay: subprocess.Popen[str]) -> tuple[int, int]:
    """Wait for a replay; give its exit code and how many letters it says it has replayed."""
    output, errors = await asyncio.to_thread(replay.communicate, timeout=REPLAY_S)
    told = re.fullmatch(r"(\d+) replayed, 0 skipped, 0 failed\n", output)
    assert told is not None, output + errors
    return replay.returncode, int(told[1])


class KilledAfter:
    """Lets the broker hear so many bytes, kills who speaks, and hangs up: as if it had died just there."""

    def __init__(self, bytes_max: int, replay: Callable[[], subprocess.Popen[str]]) -> None:
        """Take how many bytes pass, and who is to be killed then."""
        self._bytes_left = bytes_max
        self._replay = replay

    def take(self, chunk: bytes) -> Passage:
        """Let pass what may."""
        forwarded = chunk[: self._bytes_left]
        self._bytes_left -= len(forwarded)
        if self._bytes_left:
            return Passage(forwarded)
        self._replay().kill()
        return Passage(forwarded, then_cut=True)


class Everything:
    """Lets everything pass."""

    def take(self, chunk: bytes) -> Passage:
        """Let it pass."""
        return Passage(chunk)


@pytest.mark.fault("T14", "a replay that is killed", "SIGKILL to `wallet dead-letters replay` of 500 in mid-sentence")
async def test_a_killed_replay_loses_and_doubles_nothing(stage: Stage) -> None:
    """Whatever letters a killed replay leaves, the next goes on: each transfer is taken back once, the poison stays."""
    async with settled_letters(stage) as scene:
        for _ in range(KILLS):
            await kill_in_the_middle(scene, scene.chance.randint(BYTES_MIN, BYTES_MAX))

        replayed = [await finished(launched(scene)) for _ in range(2)]

        assert [0, 1] == [exit_code for exit_code, _ in replayed]
        assert 0 < replayed[0][1] < LETTERS
        assert 0 == replayed[1][1]


async def kill_in_the_middle(scene: Scene, bytes_max: int) -> None:
    """Start a replay, and kill it when the broker has heard so many bytes of it."""
    async with tcp_proxy(scene.servers.rabbitmq.url(scene.vhost)) as to_rabbitmq:
        to_rabbitmq.inspector = lambda way: (
            KilledAfter(bytes_max, lambda: replay) if way is Direction.TO_SERVER else Everything()
        )
        replay = launched(scene, RABBITMQ_URL=to_rabbitmq.url)
        try:
            output, errors = await asyncio.to_thread(replay.communicate, timeout=REPLAY_S)
        finally:
            replay.kill()
    assert -9 == replay.returncode, f"it was done before it could be killed: {output}{errors}"
    scene.history.note(f"killed a replay after {bytes_max} bytes")


@pytest.mark.fault("T14", "two replays at the same moment", "two `wallet dead-letters replay` of the same 500 letters")
async def test_two_replays_at_once_share_the_letters(stage: Stage) -> None:
    """Two operators who type the same at the same moment replay each letter once between them."""
    async with settled_letters(stage) as scene:
        replays = [launched(scene), launched(scene)]

        done = await asyncio.gather(*map(finished, replays))

        assert LETTERS == sum(replayed for _, replayed in done)


@pytest.mark.fault("T14", "a replay typed twice", "`wallet dead-letters replay` of 500 letters, then again; duplicates")
async def test_a_replay_of_what_was_replayed_changes_nothing(stage: Stage) -> None:
    """The second time there is nothing to replay, and a late copy of each letter finds its transfer taken back."""
    async with settled_letters(stage) as scene:
        first, second = [await finished(launched(scene)) for _ in range(2)]
        await scene.answered()
        await scene.client.send(*(failed(id_) for id_ in sorted(scene.load.failed)))

        assert ((0, LETTERS), (1, 0)) == (first, second)
