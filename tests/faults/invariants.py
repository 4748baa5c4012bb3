"""The invariants I1 to I13, each a pure function from the facts of a scenario to what contradicts it.

They hold whatever was injected; what a single scenario expects besides (an alarm, a count) its test asserts itself. An
empty result means that the invariant holds. ``INVARIANTS`` names them for the checker and for the page.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator

from tests.faults.facts import Document, Facts
from tests.faults.history import Read
from wallet_core import Subject
from wallet_core.fields import usable_id

HANDLES_MORE_MAX = 30
"""Open files and sockets that a process may have more than at its beginning: pools of connections grow under load."""

WITH_ANSWER = {"applied", "refused", "reversed", "reversal_due"}
FINAL_ANSWERS = {"applied": "completed", "refused": "failed", "reversed": "failed", "reversal_due": "completed"}

OURS = {"opening", "adopted"}
"""Kinds of transactions that no producer sent and nobody is told about."""


def number(document: Document, name: str) -> int:
    """Give a whole number of a document."""
    value = document[name]
    assert isinstance(value, int)
    return value


def legs(record: Document, name: str) -> list[Document]:
    """Give the legs of a transaction's document."""
    value = record.get(name, [])
    assert isinstance(value, list)
    return value


def answer(record: Document) -> Document | None:
    """Give the recorded answer of a transaction's document."""
    value = record.get("answer")
    assert value is None or isinstance(value, dict)
    return value


def key(entry: Document) -> tuple[str, int]:
    """Give wallet and sequence of an entry's document."""
    value = entry["_id"]
    assert isinstance(value, dict)
    return str(value["w"]), int(value["n"])


def signed_minor(entry: Document) -> int:
    """Give what an entry adds to the balance."""
    return number(entry, "amountMinor") * (1 if entry["direction"] == "credit" else -1)


def conservation(facts: Facts) -> Iterator[str]:
    """I1: the balances are the sum of the entries, and what came in less what went out; each user has what is due."""
    held = sum(number(wallet, "balanceMinor") for wallet in facts.wallets)
    posted = sum(map(signed_minor, facts.entries))
    moved_in = sum(_net_minor(record) for record in facts.transactions)
    if not held == posted == moved_in:
        yield f"the wallets hold {held}, the entries sum up to {posted}, the transactions to {moved_in}"
    balances = {str(wallet["userId"]): number(wallet, "balanceMinor") for wallet in facts.wallets}
    for load in facts.loads:
        for user_id, due_minor in load.balances_minor.items():
            if balances.get(user_id) != due_minor:
                yield f"{user_id} has {balances.get(user_id)}, must have {due_minor}"


def once(facts: Facts) -> Iterator[str]:
    """I2: at most one effect for a transaction, a wallet and a kind; at most one wallet for a user."""
    effects = Counter((str(entry["transactionId"]), key(entry)[0], entry["kind"]) for entry in facts.entries)
    yield from (f"{effect} was applied {count} times" for effect, count in effects.items() if count > 1)
    owners = Counter((str(wallet["userId"]), wallet["currency"]) for wallet in facts.wallets)
    yield from (f"{owner} has {count} wallets" for owner, count in owners.items() if count > 1)


def nothing_lost(facts: Facts) -> Iterator[str]:
    """I3: each confirmed event is recorded, known, or a dead letter; each load has exactly the dead letters due."""
    owners = {str(wallet["userId"]) for wallet in facts.wallets}
    recorded = {str(record["_id"]) for record in facts.transactions}
    letters = {letter.body for letter in facts.letters}
    for sent in facts.sent:
        known = owners if sent.subject is Subject.SIGNUP else recorded
        if _id_of(sent.subject, sent.body) not in known and sent.body not in letters:
            yield f"{sent.subject.value} {sent.body[:200]} is neither in the books nor a dead letter"
    due: Counter[str] = Counter()
    for load in facts.loads:
        due.update(load.dead_letters)
    # One event may be there twice: a park whose confirm was lost is parked again.
    have = Counter(reason for reason, _, _ in {(one.reason, one.message_id, one.body) for one in facts.letters})
    if facts.loads and have != due:
        yield f"dead letters {dict(have)}, must be {dict(due)}"


def told_once(facts: Facts) -> Iterator[str]:
    """I4: every answer in the books was published, byte-equal each time; the last one seen is the one in the books."""
    records = {str(record["_id"]): record for record in facts.transactions}
    bodies: defaultdict[tuple[str, int], set[tuple[str, str | None]]] = defaultdict(set)
    last: dict[str, Read] = {}
    for read in facts.read:
        bodies[read.transaction_id, read.revision].add((read.body, read.message_id))
        last[read.transaction_id] = read
        if read.transaction_id not in records:
            yield f"ghost: an answer about {read.transaction_id}, which is not in the books"
    yield from (f"{one} was published in {len(forms)} forms" for one, forms in bodies.items() if len(forms) > 1)
    for id_, record in records.items():
        recorded = answer(record)
        if recorded is None:
            if id_ in last:
                yield f"ghost: an answer about {id_}, whose record has none"
        elif id_ not in last:
            yield f"zombie: {id_} is {record['state']}, and nobody was told"
        elif (last[id_].revision, last[id_].status) != (recorded["revision"], str(recorded["status"]).lower()):
            yield f"the last answer about {id_} was {last[id_].body}, the books say {recorded}"
    if facts.outbox:
        yield f"{len(facts.outbox)} rows are left in the outbox"


def never_below_zero(facts: Facts) -> Iterator[str]:
    """I5: no balance after any entry is below zero."""
    for entry in facts.entries:
        if number(entry, "balanceAfterMinor") < 0:
            yield f"{key(entry)} left {entry['balanceAfterMinor']}"


def rebuild(facts: Facts) -> Iterator[str]:
    """I6: the entries, replayed from nothing, give every balance and version, and every leg its entry."""
    balances: Counter[str] = Counter()
    versions: Counter[str] = Counter()
    by_key = {key(entry): entry for entry in facts.entries}
    for wallet_id, sequence in sorted(by_key):
        entry = by_key[wallet_id, sequence]
        balances[wallet_id] += signed_minor(entry)
        versions[wallet_id] += 1
        if balances[wallet_id] != entry["balanceAfterMinor"]:
            yield f"entry {wallet_id}/{sequence} says {entry['balanceAfterMinor']}, replay {balances[wallet_id]}"
    for wallet in facts.wallets:
        id_ = str(wallet["_id"])
        stored, replayed = (wallet["balanceMinor"], wallet["version"]), (balances[id_], versions[id_])
        if stored != replayed:
            yield f"wallet {id_} has (balance, version) {stored}, replay gives {replayed}"
    yield from _legs_without_entry(facts, by_key)


def final_is_final(facts: Facts) -> Iterator[str]:
    """I7: nobody is told "completed" after "failed", and each state has the answer that belongs to it."""
    ended: dict[str, int] = {}
    for read in facts.read:
        if read.status == "failed":
            ended[read.transaction_id] = max(read.revision, ended.get(read.transaction_id, 0))
        elif read.revision > ended.get(read.transaction_id, read.revision):
            yield f"{read.transaction_id} completed (revision {read.revision}) after it had failed"
    for record in facts.transactions:
        recorded, state = answer(record), str(record["state"])
        if record.get("kind") in OURS:
            continue
        if state in WITH_ANSWER and (recorded is None or recorded["status"] != FINAL_ANSWERS[state]):
            yield f"{record['_id']} is {state}, its answer is {recorded}"


def ack_after_commit(facts: Facts) -> Iterator[str]:
    """I8: what was acked had been committed or parked before; at rest no queue of ours holds a message."""
    before = {"acked": "committed", "park_acked": "parked"}
    done: defaultdict[str, set[str]] = defaultdict(set)
    for line in facts.lines:
        done[line.step].update(line.ids)
        needed = before.get(line.step)
        if needed is not None:
            yield from (f"{id_} was acked before it was {needed}" for id_ in line.ids if id_ not in done[needed])
    for name, queue in facts.queues.items():
        if name.startswith(("wallet.user", "wallet.update", "wallet.revert", "wallet.retry")) and (
            queue.ready or queue.unacked
        ):
            yield f"{name} holds {queue.ready} ready and {queue.unacked} unacked"


def heals_alone(facts: Facts) -> Iterator[str]:
    """I9: every process is ready again (that it took no longer than it may is asserted by the wait for rest)."""
    yield from (f"process {index} is not ready" for index, one in enumerate(facts.processes) if not one.is_ready)


def no_leak(facts: Facts) -> Iterator[str]:
    """I10: no process holds many more files and sockets than before the fault."""
    for index, process in enumerate(facts.processes):
        before = process.handles_before
        if before is not None and process.handles > before + HANDLES_MORE_MAX:
            yield f"process {index} holds {process.handles} handles, {before} at its beginning"


def client_truth(facts: Facts) -> Iterator[str]:
    """I11: every process tells every user over HTTP what the books say."""
    books = {str(wallet["userId"]): number(wallet, "balanceMinor") for wallet in facts.wallets}
    for index, process in enumerate(facts.processes):
        for user_id, told_minor in process.balances_minor.items():
            if told_minor != books.get(user_id):
                yield f"process {index} tells {user_id} {told_minor}, the books say {books.get(user_id)}"


def order_per_wallet(facts: Facts) -> Iterator[str]:
    """I12: the sequences of each wallet have no gap and begin with 1."""
    sequences: defaultdict[str, list[int]] = defaultdict(list)
    for entry in facts.entries:
        wallet_id, sequence = key(entry)
        sequences[wallet_id].append(sequence)
    for wallet_id, found in sequences.items():
        if sorted(found) != list(range(1, len(found) + 1)):
            yield f"wallet {wallet_id} has the sequences {sorted(found)[:20]}"


def no_secret_told(facts: Facts) -> Iterator[str]:
    """I13, the part that holds always: no log holds a secret. That the fault shows is asserted by its own test."""
    for index, process in enumerate(facts.processes):
        for secret in facts.secrets:
            if secret in process.log:
                yield f"the log of process {index} holds the secret that begins with {secret[:4]}"


Invariant = Callable[[Facts], Iterable[str]]

INVARIANTS: dict[str, Invariant] = {
    "I1": conservation,
    "I2": once,
    "I3": nothing_lost,
    "I4": told_once,
    "I5": never_below_zero,
    "I6": rebuild,
    "I7": final_is_final,
    "I8": ack_after_commit,
    "I9": heals_alone,
    "I10": no_leak,
    "I11": client_truth,
    "I12": order_per_wallet,
    "I13": no_secret_told,
}


def _net_minor(record: Document) -> int:
    """Give what a transaction has brought into the wallets: credits less debits, its reversal included."""
    return sum(
        number(leg, "amountMinor") * (1 if leg["direction"] == "credit" else -1)
        for leg in [*legs(record, "legs"), *legs(record, "reversalLegs")]
    )


def _id_of(subject: Subject, body: str) -> str | None:
    """Find the id in a body as its publisher meant it; None where there is none."""
    try:
        message = json.loads(body, parse_int=str, parse_float=str)  # of any length
    except (ValueError, RecursionError):
        return None
    if not isinstance(message, dict):
        return None
    value = message.get("transactionId") if subject is not Subject.SIGNUP else message.get("userId", message.get("id"))
    return usable_id(value) if isinstance(value, str) else None


def _legs_without_entry(facts: Facts, by_key: dict[tuple[str, int], Document]) -> Iterator[str]:
    wanted: dict[tuple[str, int], str] = {}
    for record in facts.transactions:
        for leg in [*legs(record, "legs"), *legs(record, "reversalLegs")]:
            wanted[str(leg["walletId"]), number(leg, "sequence")] = str(record["_id"])
    for place, transaction_id in wanted.items():
        if place not in by_key or str(by_key[place]["transactionId"]) != transaction_id:
            yield f"leg {place} of {transaction_id} has no entry"
    yield from (f"entry {place} belongs to no transaction" for place in by_key.keys() - wanted.keys())
