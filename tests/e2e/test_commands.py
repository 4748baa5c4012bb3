"""The commands of ``wallet`` beside a running service: what they do, what they print, and how they exit."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest
from bson import Int64, ObjectId
from typer.testing import CliRunner

from entrypoints.cli import app
from tests.e2e.console import run_wallet
from tests.e2e.deployment import KEY_FILE, WALLET, Deployment, new_id
from tests.neighbour import body_of
from tests.scenario import topup
from wallet_core import Subject
from wallet_core.wallet import wallet_id_of

COMMANDS = (
    ("run",),
    ("serve",),
    ("consume",),
    ("demo",),
    ("migrate",),
    ("undecided",),
    ("publish",),
    ("token",),
    ("audit",),
    ("explain",),
    ("outbox",),
    ("dead-letters", "list"),
    ("dead-letters", "show"),
    ("dead-letters", "replay"),
    ("dead-letters", "discard"),
)
ESCAPE = "\x1b"
POISON = b"this is not JSON"
DEAD_LETTERS = "wallet.dead-letter.q"


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_has_an_example(command: tuple[str, ...]) -> None:
    """Each command says how it is typed, without escape codes when piped, and needs no setting to say it."""
    shown = CliRunner().invoke(app, [*command, "--help"], env={"PORT": "high"})

    assert 0 == shown.exit_code
    assert f"wallet {' '.join(command)}" in shown.output.split("Example")[1]
    assert ESCAPE not in shown.output


async def test_without_a_command_there_is_help(tmp_path_factory: pytest.TempPathFactory) -> None:
    """``wallet`` alone names every command, plainly, and exits with 2."""
    done = await run_wallet(tmp_path_factory.mktemp("wallet"))

    assert 2 == done.returncode
    assert all(name in done.stdout + done.stderr for name, *_ in COMMANDS)
    assert ESCAPE not in done.stdout + done.stderr


async def test_publish_sends_what_a_neighbour_would(wallet: Deployment) -> None:
    """A signup and a top-up from the command line open a wallet and fill it; what was sent is printed."""
    user_id = new_id()

    signed_up = await wallet.run("publish", "user.signup", "--field", f"userId={user_id}")
    fields = ("--field", "type=topup", "--field", f"userId={user_id}", "--field", "amount=12.50")
    topped_up = await wallet.run("publish", "transaction.completed", *fields)
    await wallet.wait_balance(user_id, "12.50")

    assert (0, f'user.signup {{"userId":"{user_id}"}}\n', "") == signed_up
    exit_code, sent, _ = topped_up
    name, _, body = sent.partition(" ")
    assert (0, "transaction.completed") == (exit_code, name)
    assert '"amount":12.50' in body
    assert 24 == len(json.loads(body)["transactionId"])


async def test_publish_refuses_what_it_cannot_send(wallet: Deployment) -> None:
    """A field that is none, one that is no JSON, and an unknown key end with 2 and one sentence."""
    no_field, no_json, no_key = await asyncio.gather(
        wallet.run("publish", "user.signup", "--field", "userId"),
        wallet.run("publish", "user.signup", "--field", "userId:={"),
        wallet.run("publish", "user.deleted"),
    )

    assert [2, 2, 2] == [no_field[0], no_json[0], no_key[0]]
    assert "no name=value" in no_field[2]
    assert "no JSON" in no_json[2]
    assert "user.deleted" in no_key[2]


async def test_token_opens_the_door(wallet: Deployment) -> None:
    """Tokens from the command line, signed with the development key, are accepted over HTTP in both vocabularies."""
    user_id = new_id()
    await wallet.open(user_id)

    tokens = await asyncio.gather(
        wallet.run("token", "--user", user_id, "--key", KEY_FILE),
        wallet.run("token", "--user", user_id, "--key", KEY_FILE, "--claims", "v1"),
    )
    responses = [await wallet.get(WALLET, authorization=f"Bearer {token.strip()}") for _, token, _ in tokens]

    assert [0, 0] == [exit_code for exit_code, _, _ in tokens]
    assert all(wallet.settings["JWKS_ENDPOINT"] in hint for _, _, hint in tokens)
    assert [user_id, user_id] == [response.json()["userId"] for response in responses]


async def test_token_refuses_an_id_that_nobody_can_have(wallet: Deployment) -> None:
    """A user id with a blank, and a key file that holds something else, are said in one sentence, exit code 2."""
    (wallet.folder / "notes.txt").write_text("no key", encoding="ascii")

    no_id, no_key = await asyncio.gather(
        wallet.run("token", "--user", "not an id", "--key", KEY_FILE),
        wallet.run("token", "--user", new_id(), "--key", "notes.txt"),
    )

    assert [2, 2] == [no_id[0], no_key[0]]
    assert "Traceback" not in no_id[2] + no_key[2]
    assert "not an id" in no_id[2]
    assert "notes.txt" in no_key[2]


async def test_dead_letters_are_listed_shown_replayed_and_discarded(wallet: Deployment) -> None:
    """Each is a plain line of the list and can be shown whole; only what is chosen is sent back or thrown away."""
    reused = await reused_transaction(wallet)
    await set_aside(wallet, POISON, reused)

    exit_code, listed, _ = await wallet.run("dead-letters", "list")
    heading, *lines = [line.split("\t") for line in listed.splitlines()]
    shown_code, shown, _ = await wallet.run("dead-letters", "show", lines[0][0])
    replayed = await wallet.run("dead-letters", "replay", "--reason", "key_reused")
    await wallet.neighbour.wait_ready(DEAD_LETTERS, 2)  # it failed again
    again = await wallet.run("dead-letters", "show", lines[1][0])
    discarded = await wallet.run("dead-letters", "discard", lines[0][0])
    (left,) = await wallet.take_dead_letters(1)

    assert (0, 0) == (exit_code, shown_code)
    assert ["ID", "REASON", "FROM", "FIRST SEEN", "DETAIL", "BODY"] == heading
    assert ["no_usable_id", "key_reused"] == [line[1] for line in lines]
    assert [POISON.decode(), f"{reused.decode()[:57]}..."] == [line[5] for line in lines]
    assert shown.endswith(f"\n\n{POISON.decode()}\n")
    assert ESCAPE not in listed + shown
    assert (0, "1 replayed, 0 skipped, 0 failed\n", "") == replayed
    assert (0, "replayed      1") == (again[0], again[1].splitlines()[7])
    assert (0, "1 discarded\n", "") == discarded
    assert (reused, 1) == (left.body, left.headers["x-wallet-replayed"])


async def reused_transaction(wallet: Deployment) -> bytes:
    """Complete a transaction, and write another one with its id."""
    user_id, transaction_id = new_id(), new_id()
    await wallet.open(user_id)
    event = topup(transaction_id, user_id, 5)
    await wallet.send(event)
    await wallet.answers.last(transaction_id)
    return body_of(event.but(amount=6))


async def set_aside(wallet: Deployment, *bodies: bytes) -> None:
    """Let the service set these aside, in this order."""
    for count, body in enumerate(bodies, start=1):
        await wallet.neighbour.send_bytes(Subject.COMPLETED, body)
        await wallet.neighbour.wait_ready(DEAD_LETTERS, count)


async def test_dead_letters_want_to_be_chosen(wallet: Deployment) -> None:
    """Without a choice nothing is done, exit 2; a choice that meets none exits with 1; an empty list says so."""
    replay, discard, nobody, empty = await asyncio.gather(
        wallet.run("dead-letters", "replay"),
        wallet.run("dead-letters", "discard"),
        wallet.run("dead-letters", "discard", "no-such-id"),
        wallet.run("dead-letters", "list"),
    )

    assert [2, 2, 1, 0] == [replay[0], discard[0], nobody[0], empty[0]]
    assert "--all" in replay[2]
    assert "--all" in discard[2]
    assert "No dead letters.\n" == empty[2]


async def test_the_outbox_shows_what_waits_and_who_is_to_publish_it(wallet: Deployment) -> None:
    """At rest it is empty, and names the process with the lease; what waits is listed, exit 1 when it is too old."""
    user_id, transaction_id = new_id(), new_id()
    await wallet.open(user_id)
    await wallet.wait_rest()

    empty = await wallet.run("outbox")
    wallet.process.freeze()
    insert_row(wallet, transaction_id, minutes_ago=5)
    fresh = await wallet.run("outbox", "--older-than-s", "1000")
    old = await wallet.run("outbox", "--limit", "0")
    wallet.books.database["outbox"].delete_many({})  # nobody has given this answer, so it would wait for ever
    wallet.process.thaw()
    await wallet.wait_rest()

    assert (0, "The outbox is empty.\n") == (empty[0], empty[2])
    assert ["rows          0", "transactions  0", "oldest        none"] == empty[1].splitlines()[:3]
    assert f":{wallet.process.pid}:" in empty[1].splitlines()[3]
    assert (0, "") == (fresh[0], fresh[2])
    heading, line = [line.split("\t") for line in fresh[1].splitlines()[-2:]]
    assert ["TRANSACTION", "ANSWER", "REVISION", "SINCE", "ROW"] == heading
    assert [transaction_id, "none", ""] == line[:3]
    assert 1 == old[0]
    assert 4 == len(old[1].splitlines())
    assert "more than 60 s" in old[2]
    assert ESCAPE not in empty[1] + fresh[1] + old[1]


async def test_the_outbox_names_a_row_that_nobody_can_publish(wallet: Deployment) -> None:
    """A row that somebody has altered is named with what it is, exit 1, and is not taken for an empty outbox."""
    outbox = wallet.books.database["outbox"]
    row: dict[str, object] = {"_id": "abc", "transactionIds": [], "createdAt": datetime.now(UTC)}
    await wallet.wait_rest()

    outbox.insert_one(row, bypass_document_validation=True)
    exit_code, shown, hints = await wallet.run("outbox")
    outbox.delete_one({"_id": "abc"})  # the fixture audits in the end

    assert 1 == exit_code
    assert ["ROW\tUNREADABLE", "abc\tits _id is of type string"] == [
        line.split(",")[0] for line in shown.splitlines()[-2:]
    ]
    assert "array of 0" in shown
    assert "Somebody has altered" in hints
    assert "empty" not in hints


def insert_row(wallet: Deployment, transaction_id: str, minutes_ago: int) -> None:
    """Put an answer that nobody has given into the outbox."""
    created_at = datetime.now(UTC) - timedelta(minutes=minutes_ago)
    row = {"_id": ObjectId(), "transactionIds": [ObjectId(transaction_id)], "createdAt": created_at}
    wallet.books.database["outbox"].insert_one(row)


async def test_audit_finds_what_somebody_has_changed(wallet: Deployment) -> None:
    """Beside the running service clean books exit with 0; one cent more in one wallet is named and exits with 1."""
    user_id = new_id()
    await wallet.open(user_id)
    await wallet.send(topup(new_id(), user_id, 5))
    await wallet.wait_balance(user_id, "5.00")
    wallets, query = wallet.books.database["wallets"], {"userId": ObjectId(user_id)}

    clean = await wallet.run("audit")
    wallets.update_one(query, {"$inc": {"balanceMinor": Int64(1)}})
    planted = await wallet.run("audit")
    wallets.update_one(query, {"$inc": {"balanceMinor": Int64(-1)}})  # the fixture audits once more in the end

    assert [0, 1] == [clean[0], planted[0]]
    assert ["", ""] == [clean[2], planted[2]]
    assert str(wallet_id_of(user_id, "USD")) in planted[1]
    assert ESCAPE not in clean[1] + planted[1]


async def test_nothing_is_migrated_while_somebody_consumes(wallet: Deployment) -> None:
    """Beside a running service ``migrate`` exits with 2, names the queue, and says what to stop."""
    exit_code, _, errors = await wallet.run("migrate")

    assert 2 == exit_code
    assert "wallet.update.q" in errors
    assert "Stop" in errors
    assert "Traceback" not in errors


async def test_a_broker_that_is_away_is_named(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Each command that needs the broker says which setting to look at, exit code 2, without a password."""
    folder, away = tmp_path_factory.mktemp("wallet"), "amqp://wallet:hunter2@127.0.0.1:1"

    commands = await asyncio.gather(
        run_wallet(folder, "migrate", RABBITMQ_URL=away),
        run_wallet(folder, "publish", "user.signup", RABBITMQ_URL=away),
        run_wallet(folder, "dead-letters", "list", RABBITMQ_URL=away),
    )

    assert [2, 2, 2] == [done.returncode for done in commands]
    assert all("RABBITMQ_URL" in done.stderr for done in commands)
    assert not [done.args for done in commands if "Traceback" in done.stderr or "hunter2" in done.stderr]
