"""Reading page by page: the server works on the next page while the reader looks at this one."""

import time
from contextlib import aclosing

from pymongo import MongoClient

from adapters.mongo.client import Database
from adapters.mongo.snapshot import Snapshot
from tests.fixtures.driver import over_both_drivers
from tests.integration.fail_points import failing, under_way

SEEN_S_MAX = 0.8
"""How long the server may take to be seen at work on a query that it holds for one second."""


@over_both_drivers
async def test_the_next_page_is_asked_for_before_this_one_is_given(
    database: Database, mongo_client: MongoClient[dict[str, object]]
) -> None:
    """A reader that never lets the event loop go still finds the server at work for it."""
    mongo_client[database.name]["numbers"].insert_many([{"_id": number} for number in range(4)])
    snapshot = await Snapshot.take(database)
    with failing(mongo_client, ["find"], after=1, blockConnection=True, blockTimeMS=1_000):
        async with aclosing(snapshot.pages("numbers", None, rows_max=2)) as pages:
            page = await anext(pages)
            give_up_at_s = time.monotonic() + SEEN_S_MAX
            while not (asked := under_way(mongo_client, "find")) and time.monotonic() < give_up_at_s:
                time.sleep(0.005)  # noqa: ASYNC251 - the loop must not run
    await snapshot.close()

    assert [0, 1] == [document["_id"] for document in page]
    assert asked
