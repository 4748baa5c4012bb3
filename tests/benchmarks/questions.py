"""What a client asks of a server over HTTP, and what must be in the answers."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from tests.benchmarks.conservation import WrongRun
from tests.benchmarks.program import started
from tests.benchmarks.servers import Document
from tests.benchmarks.transfers import CENTS
from tests.e2e.deployment import STATEMENT, WALLET

PAGE_PATH = f"{STATEMENT}?limit=50"

LOADED_S_MAX = 300.0


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


def wallet_asked(wallet: Document) -> Iterator[Asked]:
    """Give the path of a wallet, and the text of the books that must be in the answer: whose, and how much is in it."""
    balance_minor = wallet["balanceMinor"]
    assert isinstance(balance_minor, int)
    balance = f"{balance_minor // CENTS}.{balance_minor % CENTS:02}"
    yield Asked(WALLET, f'"userId":"{wallet["userId"]}","balance":{balance}')


def newest_page_asked(wallet: Document) -> Iterator[Asked]:
    """Give the path of the newest page, and its beginning: the wallet, and its last entry."""
    yield Asked(PAGE_PATH, page_beginning(wallet, wallet["version"]))


def page_beginning(wallet: Document, sequence: object) -> str:
    """Give how a page begins whose newest entry is this one."""
    return f'{{"transactions":[{{"id":"{wallet["_id"]}-{sequence}"'
