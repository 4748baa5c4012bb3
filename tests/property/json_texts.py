"""Strategies of JSON texts of any shape, with the names and values of real messages among them."""

from __future__ import annotations

import json

from hypothesis import strategies as st

from wallet_core.testing.events import FIELDS
from wallet_core.testing.strategies import IDS, USERS

numbers = st.from_regex(r"-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,7})?", fullmatch=True)
names = st.sampled_from(("transactionId", "id", "description", "completedAt", "failedAt", "createdAt", *FIELDS))
texts = st.text(max_size=30) | st.sampled_from(
    ["topup", "transfer", "TopUp", "Transfer", *USERS, *IDS, "1.0", "\ud800"]
)


def _array(items: list[str]) -> str:
    return "[" + ",".join(items) + "]"


def _object(members: dict[str, str]) -> str:
    return "{" + ",".join(f"{json.dumps(name)}:{value}" for name, value in members.items()) + "}"


json_values = st.recursive(
    numbers | texts.map(json.dumps) | st.sampled_from(["null", "true", "false", "1e999999", "-0", "0.1", "100"]),
    lambda values: (
        st.lists(values, max_size=4).map(_array) | st.dictionaries(names | texts, values, max_size=6).map(_object)
    ),
    max_leaves=12,
)
json_messages = st.dictionaries(names | texts, json_values, max_size=12).map(_object)
