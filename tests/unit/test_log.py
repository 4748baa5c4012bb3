"""The log masks what must not be in it, whoever wrote the line."""

import io
import json
import logging
from collections.abc import Iterator
from contextvars import copy_context
from datetime import UTC, datetime, timedelta

import pytest
import structlog

from adapters.http.correlation_id import correlation_header
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


def test_a_line_of_ours_is_one_json_object(stream: io.StringIO) -> None:
    """A line has its event, its level, the time in UTC, and what was given with it."""
    structlog.get_logger().warning("event", count=3, about=("a", None))

    (text,) = stream.getvalue().splitlines()
    line = json.loads(text)
    assert line.pop("timestamp").endswith("Z")
    assert {"event": "event", "level": "warning", "count": 3, "about": ["a", None]} == line


def test_the_time_is_now(stream: io.StringIO) -> None:
    """A line says when it was written."""
    structlog.get_logger().info("event")

    written_at = datetime.fromisoformat(json.loads(stream.getvalue())["timestamp"])
    assert timedelta(0) <= datetime.now(UTC) - written_at < timedelta(minutes=1)


def test_an_error_is_in_the_line_with_its_traceback(stream: io.StringIO) -> None:
    """A line about an error has its traceback as text, passwords masked."""
    structlog.get_logger().error("event", exc_info=ConnectionError("amqp://guest:s3cret@host/"))

    assert "ConnectionError: amqp://guest:***@host/" in json.loads(stream.getvalue())["exception"]


def lose_connection(token: str) -> None:
    """Fail while a secret is at hand."""
    raise ConnectionError(f"amqp://guest:s3cret@host/ was lost after {len(token)} characters")


def test_a_traceback_on_a_terminal_shows_no_secret(stream: io.StringIO) -> None:
    """A person sees where an error came from, and neither the variables there nor the password that it quotes."""
    configure_log("info", "console", stream)
    try:
        lose_connection("ey" * 3)
    except ConnectionError as error:
        structlog.get_logger().error("event", exc_info=error)

    assert "ConnectionError: amqp://guest:***@host/" in stream.getvalue()
    assert "eyeyey" not in stream.getvalue()


def test_a_line_about_a_request_has_its_id(stream: io.StringIO) -> None:
    """What is logged while a request is answered can be found by the request's id; other lines have none."""

    def logged_in_a_request() -> None:
        correlation_header([(b"x-request-id", b"trace-1")])
        structlog.get_logger().info("event")

    copy_context().run(logged_in_a_request)
    structlog.get_logger().info("event")

    ids = [json.loads(line).get("correlation_id") for line in stream.getvalue().splitlines()]
    assert ["trace-1", None] == ids


@pytest.mark.parametrize("value", [2**64, "half a pair: \ud800", {"nested": 2**70}])
def test_what_is_hard_to_write_is_written(stream: io.StringIO, value: object) -> None:
    """A number over 64 bits, or a text that is no UTF-8, costs nobody the line that it is in."""
    structlog.get_logger().info("event", value=value)

    assert value == json.loads(stream.getvalue())["value"]


class Gone(io.StringIO):
    """A stream whose reader has gone."""

    def write(self, text: str, /) -> int:
        """Fail as a broken pipe does."""
        raise BrokenPipeError(text)


def test_a_log_that_nobody_reads_stops_nothing(stream: io.StringIO) -> None:
    """A broken pipe behind the log is no error of the work that is logged."""
    configure_log("info", "json", Gone())

    structlog.get_logger().info("event")
    logging.raiseExceptions = False  # the standard library would tell about it on the terminal
    try:
        logging.getLogger("some.library").warning("event")
    finally:
        logging.raiseExceptions = True
