"""What a command loads: not more than it needs, for loading is nearly all of its time."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

RUN_A_COMMAND = """
import atexit, sys
atexit.register(lambda: print("loaded", *{name.partition(".")[0] for name in sys.modules}))
from entrypoints.main import main
main()
"""

MAKE_THE_KEYS = """
import sys
from adapters.http.keys import PublishedKeys
PublishedKeys("https://auth/jwks.json")
print("loaded", *{name.partition(".")[0] for name in sys.modules})
"""

HTTP = {"starlette", "uvicorn", "httpx2", "joserfc", "prometheus_client"}
BROKER = {"aio_pika", "aiormq", "pamqp"}
STORE = {"pymongo", "motor", "bson"}
SETTINGS = {"pydantic", "pydantic_settings"}


def loaded_by(code: str, *arguments: str) -> set[str]:
    """Give the top-level names of all that was loaded when this code has run. It finds no setting."""
    ended = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        env={"PYTHONPATH": str(ROOT), "LC_ALL": "C.UTF-8"},
    )
    said, *names = ended.stdout.splitlines()[-1].split()
    assert "loaded" == said, ended.stderr
    return set(names)


def test_help_loads_nothing_to_work_with() -> None:
    """Neither drivers nor servers nor settings are loaded to show what can be typed."""
    loaded = loaded_by(RUN_A_COMMAND, "--help")

    assert "typer" in loaded
    assert set() == loaded & {"asyncio", *HTTP, *BROKER, *STORE, *SETTINGS}


@pytest.mark.parametrize("command", [("audit",), ("outbox",), ("undecided",), ("explain", "507f1f77bcf86cd799439014")])
def test_what_reads_the_books_loads_no_broker_and_no_http(command: tuple[str, ...]) -> None:
    """A look into the books loads the drivers of the database, and neither of the others."""
    loaded = loaded_by(RUN_A_COMMAND, *command)

    assert loaded >= STORE
    assert set() == loaded & (HTTP | BROKER)


def test_dead_letters_load_no_database_and_no_http() -> None:
    """A look at the dead letters loads the client of the broker, and neither of the others."""
    loaded = loaded_by(RUN_A_COMMAND, "dead-letters", "list")

    assert loaded >= BROKER
    assert set() == loaded & (HTTP | STORE)


def test_a_start_does_not_load_what_fetches_keys() -> None:
    """The HTTP client is loaded at the first fetch: at a start it would hold up the first event."""
    loaded = loaded_by(MAKE_THE_KEYS)

    assert "httpx2" in loaded
    assert set() == loaded & {"httpcore2", "h11"}
