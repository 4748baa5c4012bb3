"""``wallet explain`` beside a running service: what a person types, reads, and may conclude from the exit code."""

from __future__ import annotations

from bson import ObjectId

from tests.e2e.console import run_wallet
from tests.e2e.deployment import Deployment, new_id
from tests.scenario import failed, topup, topup_v1, transfer

ESCAPE = "\x1b"
HOSTILE = "a\x1b]0;title\x07\x1b[2J"


def table_of(output: str) -> list[list[str]]:
    """Give the lines of tables, cut into their fields."""
    return [line.split("\t") for line in output.splitlines() if "\t" in line]


async def test_what_was_applied_is_explained_with_its_numbers(wallet: Deployment) -> None:
    """The wallets before and after it are a table; it would end so again, exit 0."""
    ada, ben, filled, sent = new_id(), new_id(), new_id(), new_id()
    await wallet.open(ada, ben)
    await wallet.send(topup(filled, ada, 50))
    await wallet.wait_balance(ada, "50.00")
    await wallet.send(transfer(sent, ada, ben, 20))
    await wallet.answers.last(sent)

    exit_code, output, errors = await wallet.run("explain", sent.upper())

    heading, adas, bens = table_of(output)
    assert (0, "") == (exit_code, errors)
    assert ["WALLET", "USER", "VERSION", "HELD", "CHANGE", "AFTER"] == heading
    assert [ada, "1", "50.00 USD", "-20.00 USD", "30.00 USD"] == adas[1:]
    assert [ben, "0", "0.00 USD", "+20.00 USD", "20.00 USD"] == bens[1:]
    assert f"No rule was against it: {ada} gave 20.00 USD to {ben}." in output
    assert "Decided again by the rules and settings of now: the same." in output


async def test_a_refusal_and_what_failed_are_explained(wallet: Deployment) -> None:
    """Why it was refused, and what was taken back, in the words of the answer, exit 0."""
    ada, ben, refused, reversed_ = new_id(), new_id(), new_id(), new_id()
    await wallet.open(ada, ben)
    await wallet.send(topup(reversed_, ada, 5), transfer(refused, ada, ben, 20))
    await wallet.answers.last(refused)
    await wallet.send(failed(reversed_, "The bank said no"))
    await wallet.wait_balance(ada, "0.00")

    no_money, taken_back = await wallet.run("explain", refused), await wallet.run("explain", reversed_)

    assert [0, 0] == [no_money[0], taken_back[0]]
    assert "refused (Insufficient balance)" in no_money[1]
    assert "was to give 20.00 USD" in no_money[1]
    assert "failed (The bank said no), revision 2" in taken_back[1]
    assert ["+5.00 USD", "-5.00 USD"] == [row[4] for row in table_of(taken_back[1]) if row[1] == ada]


async def test_other_settings_are_a_difference(wallet: Deployment) -> None:
    """Under another setting than it was decided by it would end otherwise: what differs is a table, exit 1."""
    ada, filled = new_id(), new_id()
    await wallet.open(ada)
    await wallet.send(topup_v1(filled, ada, 50))
    await wallet.wait_balance(ada, "50.00")
    settings = {**wallet.settings, "WALLET_WIRE": "documented"}

    done = await run_wallet(wallet.folder, "explain", filled, **settings)

    output, errors = done.stdout, done.stderr
    assert 1 == done.returncode
    assert ["answer vocabulary", "v1", "documented"] in table_of(output)
    assert "the rules and settings of now: different." in output
    assert "What is recorded stays" in errors
    assert "WALLET_WIRE" in errors


async def test_an_unknown_one_leads_to_where_it_may_be(wallet: Deployment) -> None:
    """What is not in the books exits with 1 and says where to look; what a stranger wrote is not obeyed."""
    unknown, hostile = await wallet.run("explain", new_id()), await wallet.run("explain", HOSTILE)

    assert [1, 1] == [unknown[0], hostile[0]]
    assert "Nothing is recorded" in unknown[1]
    assert "wallet dead-letters list" in unknown[2]
    assert "No message can carry this id" in hostile[1]
    assert ESCAPE not in "".join((*unknown[1:], *hostile[1:]))


async def test_texts_of_strangers_are_shown_as_text(wallet: Deployment) -> None:
    """Neither a producer's reason nor a record that somebody has altered reaches the terminal as a command."""
    ada, filled = new_id(), new_id()
    await wallet.open(ada)
    await wallet.send(topup(filled, ada, 5))
    await wallet.answers.last(filled)
    await wallet.send(failed(filled, HOSTILE))
    await wallet.wait_balance(ada, "0.00")
    records, query = wallet.books.database["transactions"], {"_id": ObjectId(filled)}

    explained = await wallet.run("explain", filled)
    records.update_one(query, {"$set": {"answer.reason": "b\x9b"}})
    altered = await wallet.run("explain", filled)
    records.update_one(query, {"$set": {"answer.reason": HOSTILE}})  # the fixture audits in the end

    assert [0, 1] == [explained[0], altered[0]]
    assert r"\x1b]0;title" in explained[1]
    assert "contradicts itself" in altered[1]
    assert not {ESCAPE, "\x07", "\x9b"} & set("".join((*explained[1:], *altered[1:])))


async def test_books_that_cannot_be_read_are_named(wallet: Deployment) -> None:
    """Without a database it exits with 2 and names the setting, without its password."""
    settings = {**wallet.settings, "DATABASE_URL": "mongodb://wallet:hunter2@127.0.0.1:1/mint_wallet"}

    done = await run_wallet(wallet.folder, "explain", new_id(), **settings)

    assert 2 == done.returncode
    assert "DATABASE_URL" in done.stderr
    assert not [word for word in ("hunter2", "Traceback") if word in done.stderr]
