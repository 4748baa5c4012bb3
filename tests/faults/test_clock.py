"""Clocks that are wrong (T80), and records that are kept for ever (T81)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import httpx2
import pytest

from tests.e2e.deployment import AUDIENCE, ISSUER, WALLET
from tests.faults.facts import Document
from tests.faults.invariants import key
from tests.faults.scene import Scene
from tests.faults.shifted_clock import ShiftedClock
from tests.faults.stage import Stage

RIGHT = timedelta()
SHIFTS = (timedelta(days=2), timedelta(days=-2), timedelta(hours=1), timedelta(hours=-1))

WITHIN_LEEWAY = timedelta(seconds=20)
"""Tokens are accepted with 30 s of leeway; the rest is for a slow machine."""

TOKEN_S = 3_600


async def with_shifted_clocks(scene: Scene) -> list[ShiftedClock]:
    """Start each process with a clock of its own, in a time zone that knows summer and winter; open the wallets."""
    clocks = [ShiftedClock(scene.folder / f"clock-{index}") for index in range(len(scene.services))]
    for service, clock in zip(scene.services, clocks, strict=True):
        service.launch(before=clock.before, TZ="EST5EDT")
    for service in scene.services:
        await service.wait_ready()
    await scene.open()
    return clocks


@pytest.mark.fault(
    "T80",
    "clocks 2 days and 1 hour ahead and behind, changed while running, and as far apart between two processes",
    "the time of day of each process follows a file; time zone EST5EDT",
)
async def test_wrong_clocks_move_no_money_and_no_order(stage: Stage) -> None:
    """Order comes from the sequence and the lease from the server's clock; time never goes back within a wallet."""
    async with stage.scene(services=2, started=False) as scene:
        ahead, behind = await with_shifted_clocks(scene)
        holder = lease(scene)["holder"]

        for shift in SHIFTS:
            ahead.shift(shift)
            behind.shift(-shift)
            scene.history.note(f"clocks {shift} ahead and behind")
            await scene.client.send(*scene.load.mixed(100))
            await scene.answered()
            left = lease(scene)["expiresAt"]
            assert isinstance(left, datetime)
            assert abs(left - datetime.now(UTC)) < timedelta(seconds=60)
        ahead.shift(RIGHT)
        behind.shift(RIGHT)

        entries = sorted(scene.books["entries"].find(), key=key)
        assert max(map(recorded_at, entries)) > datetime.now(UTC) + timedelta(days=1), "no clock was shifted"
        assert [] == [later for earlier, later in pairwise(entries) if is_before(later, earlier)]
        assert lease(scene)["holder"] == holder


@pytest.mark.fault(
    "T80", "a clock that jumps while tokens are in use", "as above; tokens that live for an hour, asked again and again"
)
async def test_a_token_counts_by_the_clock_and_not_by_the_cache(stage: Stage) -> None:
    """Within the leeway a skewed clock refuses no new token; past its end no token is accepted, remembered or not."""
    async with stage.scene(started=False) as scene:
        (clock,) = await with_shifted_clocks(scene)
        token = scene.key.token(scene.load.users[0], ISSUER, AUDIENCE, lifetime_s=TOKEN_S)
        past_its_end = timedelta(seconds=TOKEN_S) + 2 * WITHIN_LEEWAY

        for shift, status in (
            (RIGHT, httpx2.codes.OK),
            (WITHIN_LEEWAY, httpx2.codes.OK),
            (past_its_end, httpx2.codes.UNAUTHORIZED),
            (RIGHT, httpx2.codes.OK),
            (-WITHIN_LEEWAY, httpx2.codes.OK),
            (timedelta(days=2), httpx2.codes.UNAUTHORIZED),
            (RIGHT, httpx2.codes.OK),
        ):
            clock.shift(shift)
            response = await scene.service.http.get(WALLET, headers={"authorization": f"Bearer {token}"})
            assert (shift, status) == (shift, response.status_code)


@pytest.mark.fault("T81", "a record of a known transaction removed by a TTL index", "none: there is no such index")
async def test_no_record_has_an_end(stage: Stage) -> None:
    """Ids are known for ever: no collection has an index by which the server removes documents."""
    async with stage.scene() as scene:
        indexes = {name: scene.books[name].index_information() for name in scene.books.list_collection_names()}

        assert {"wallets", "entries", "transactions", "outbox"} < indexes.keys()
        assert [] == [one for of_one in indexes.values() for one in of_one.values() if "expireAfterSeconds" in one]


def lease(scene: Scene) -> Document:
    """Read who may publish, and until when."""
    found = scene.books["leases"].find_one({"_id": "relay"})
    assert found is not None
    return found


def recorded_at(entry: Document) -> datetime:
    """Give the time of an entry."""
    value = entry["recordedAt"]
    assert isinstance(value, datetime)
    return value


def is_before(later: Document, earlier: Document) -> bool:
    """Tell whether an entry is of the same wallet as the one with the sequence before it, and has an earlier time."""
    return key(later)[0] == key(earlier)[0] and recorded_at(later) < recorded_at(earlier)
