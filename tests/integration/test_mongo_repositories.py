"""What a unit of work writes, as it lies on the server."""

from pymongo import MongoClient

from adapters.mongo.fields import identifier, integer, subdocument
from tests.integration.mongo_bank import USD, Bank, transfer
from wallet_core import Policy, post_all
from wallet_core.memory import ManualClock

Client = MongoClient[dict[str, object]]


async def test_entries_of_a_wallet_lie_beside_each_other(bank: Bank, mongo_client: Client) -> None:
    """Of a batch of transfers between two wallets, all entries of one lie before those of the other, in their order."""
    requests = [transfer(number) for number in range(3)]

    await post_all(requests, bank.unit_of_work, ManualClock(), Policy(USD))

    stored = mongo_client[bank.database.name]["entries"].find({"kind": "transfer"}).sort("$natural", 1)
    keys = [subdocument(entry, "_id") for entry in stored]
    places = [(identifier(key, "w"), integer(key, "n")) for key in keys]
    assert sorted(places) == places
    assert [2, 3, 4, 2, 3, 4] == [sequence for _, sequence in places]
