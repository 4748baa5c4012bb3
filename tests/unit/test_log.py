"""The log masks what must not be in it, whoever wrote the line."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from entrypoints.log import QUIET_LOGGERS, configure_log


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """Configure the log onto a stream of the test's own, and leave the process's log as it was."""
    levels = {name: logging.getLogger(name).level for name in QUIET_LOGGERS}
    root_level = logging.getLogger().level
    stream = io.StringIO()
    configure_log("info", "json", stream)
    yield stream
    structlog.reset_defaults()
    logging.basicConfig(handlers=[], level=root_level, force=True)
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


@pytest.mark.parametrize("name", ["authorization", "Cookie", "password", "token"])
def test_value_under_the_name_of_a_secret_is_masked(stream: io.StringIO, name: str) -> None:
    """Whatever is logged under the name of a secret is not shown."""
    structlog.get_logger().info("event", **{name: "s3cret"})

    assert json.loads(stream.getvalue())[name] == "***"


def test_password_in_a_url_is_masked(stream: io.StringIO) -> None:
    """A URL keeps its user and host in a line, and loses its password."""
    structlog.get_logger().info("event", url="amqp://guest:s3cret@host:5672/")

    assert json.loads(stream.getvalue())["url"] == "amqp://guest:***@host:5672/"


def test_line_of_a_library_has_our_form(stream: io.StringIO) -> None:
    """A library's line is structured as ours are, and masked as ours are."""
    logging.getLogger("some.library").warning("lost %s", "mongodb://root:s3cret@host/")

    line = json.loads(stream.getvalue())
    assert ("lost mongodb://root:***@host/", "some.library", "warning") == (
        line["event"],
        line["logger"],
        line["level"],
    )


def test_level_hides_what_is_below_it(stream: io.StringIO) -> None:
    """A line below the configured level is not written."""
    structlog.get_logger().debug("event")

    assert stream.getvalue() == ""
