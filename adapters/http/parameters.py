"""Read a query string as the parameters of a statement, or say what is wrong with it in one sentence for the client.

Strict: an unknown, repeated, empty or over-long parameter is an error, because the answer to a question that was not
understood would look like the answer to it. Bounds: QUERY_LENGTH_MAX, checked before anything is parsed.
"""

from __future__ import annotations

from urllib.parse import parse_qsl

from pydantic import ValidationError

from adapters.http.schemas import StatementParameters

QUERY_LENGTH_MAX = 512
"""Longest query string that is read, bytes: all parameters at their longest, percent-encoded throughout, take 400."""

_NAMES = tuple(field.alias or name for name, field in StatementParameters.model_fields.items())

_SHOWN_MAX = 32
"""How much of an unknown parameter's name is repeated: enough to find the slip."""


class BadParameter(Exception):
    """The query cannot be used. The text says why, for the client."""


def statement_parameters(query_string: bytes) -> StatementParameters:
    """Read the query of a statement. Raises BadParameter."""
    if not query_string:
        return StatementParameters()
    values = _single_values(query_string)
    try:
        return _ordered(StatementParameters.model_validate(values))
    except ValidationError as error:
        raise BadParameter("; ".join(_texts(error))) from None


def _single_values(query_string: bytes) -> dict[str, str]:
    if len(query_string) > QUERY_LENGTH_MAX:
        raise BadParameter(f"The query string is longer than {QUERY_LENGTH_MAX} bytes")
    values: dict[str, str] = {}
    for name, value in parse_qsl(query_string.decode("latin-1"), keep_blank_values=True):
        if name not in _NAMES:
            raise BadParameter(f"There is no parameter {name[:_SHOWN_MAX]!r}: use {', '.join(_NAMES)}")
        if name in values:
            raise BadParameter(f"{name} is given more than once")
        if not value:
            raise BadParameter(f"{name} is empty: give a value, or leave the parameter out")
        values[name] = value
    return values


def _ordered(parameters: StatementParameters) -> StatementParameters:
    start, end = parameters.recorded_from, parameters.recorded_until
    if start is not None and end is not None and start > end:
        raise BadParameter("from must not be later than to")
    return parameters


def _texts(error: ValidationError) -> list[str]:
    details = error.errors(include_url=False, include_context=False, include_input=False)
    return [f"{detail['loc'][0]} {detail['msg'].removeprefix('Value error, ')}" for detail in details]
