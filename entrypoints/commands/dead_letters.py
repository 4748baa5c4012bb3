"""``wallet dead-letters``: what was set aside, why, and what becomes of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from adapters.rabbitmq.connection import BROKER_ERRORS, described
from adapters.rabbitmq.dead_letters import DeadLetterMessage, DeadLetters, Selection, dead_letters
from entrypoints.screen import fail, hint, print_plain, print_rows
from entrypoints.settings import Settings
from wallet_core.fields import iso_milliseconds

BODY_SHOWN_MAX = 60
"""Characters of a body in the list; ``show`` prints all of it."""


def selection(ids: Sequence[str], reason: str | None, *, everything: bool) -> Selection | None:
    """Choose letters by id, by reason, or all of them; None when nothing was chosen."""
    if everything:
        return lambda _: True
    if not ids and reason is None:
        return None
    return lambda letter: letter.id in ids or (reason is not None and letter.reason == reason)


async def list_letters(settings: Settings, messages_max: int) -> int:
    """Print the oldest letters."""

    async def run(queue: DeadLetters) -> int:
        letters = await queue.list(messages_max)
        print_rows(("ID", "REASON", "FROM", "FIRST SEEN", "DETAIL", "BODY"), [_row(letter) for letter in letters])
        if not letters:
            hint("No dead letters.")
        return 0

    return await _with_queue(settings, run)


async def show_letter(settings: Settings, letter_id: str) -> int:
    """Print everything about one letter."""

    async def run(queue: DeadLetters) -> int:
        letter = await queue.show(letter_id)
        if letter is None:
            fail(f"There is no dead letter {letter_id}: 'wallet dead-letters list' shows those that there are.")
            return 1
        facts = {
            "id": letter.id,
            "reason": letter.reason,
            "detail": letter.detail,
            "source queue": letter.source_queue or "not one of ours",
            "routing key": letter.routing_key,
            "first seen": iso_milliseconds(letter.first_seen_at),
            "attempts": str(letter.attempts),
            "replayed": str(letter.replayed),
            "message id": letter.message_id or "",
            "bytes": str(letter.body_bytes),
        }
        for name, value in facts.items():
            print_plain(f"{name:<13} {value}")
        print_plain(f"\n{letter.body.decode('utf-8', 'backslashreplace')}")
        return 0

    return await _with_queue(settings, run)


async def replay(settings: Settings, selected: Selection) -> int:
    """Send letters back to where they came from."""

    async def run(queue: DeadLetters) -> int:
        done = await queue.replay(selected)
        print_plain(f"{done.replayed} replayed, {done.skipped} skipped, {done.failed} failed")
        if done.skipped:
            hint("Skipped ones did not come from a queue of ours; they stay.")
        if done.failed:
            hint("The broker did not take the failed ones; they stay. Type the command again.")
        return 1 if done.failed or not (done.replayed or done.skipped) else 0

    return await _with_queue(settings, run)


async def discard(settings: Settings, selected: Selection) -> int:
    """Throw letters away."""

    async def run(queue: DeadLetters) -> int:
        done = await queue.discard(selected)
        print_plain(f"{done.discarded} discarded")
        if done.kept:
            hint(
                f"{done.kept} kept: a reversal is due, and nothing else says so. Settle with the recipient, then "
                "'wallet dead-letters replay --reason reversal_shortfall': what is settled goes away by that."
            )
        return 0 if done.discarded and not done.kept else 1

    return await _with_queue(settings, run)


async def _with_queue(settings: Settings, run: Callable[[DeadLetters], Awaitable[int]]) -> int:
    try:
        async with dead_letters(settings.rabbitmq_url.reveal()) as queue:
            return await run(queue)
    except BROKER_ERRORS as error:
        fail(f"RabbitMQ at {settings.rabbitmq_url.redacted} cannot be reached ({described(error)}): see RABBITMQ_URL")
        return 2


def _row(letter: DeadLetterMessage) -> tuple[str, ...]:
    body = letter.body.decode("utf-8", "backslashreplace")
    return (
        letter.id,
        letter.reason,
        letter.source_queue or "?",
        iso_milliseconds(letter.first_seen_at),
        letter.detail,
        body if len(body) <= BODY_SHOWN_MAX else f"{body[: BODY_SHOWN_MAX - 3]}...",
    )
