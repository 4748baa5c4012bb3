"""Cut what a person must read out of a server's log.

Shape: one function. Bounds: it reads at most ``_TAIL_BYTES_MAX`` and returns at most ``_LINES_MAX`` lines.
"""

import re
from pathlib import Path

# Enough for the cause and what surrounds it, short enough for a terminal.
_LINES_MAX = 15
_LINE_CHARACTERS_MAX = 400
# A start that fails writes less than this: 40 KB each, measured with mongod and RabbitMQ.
_TAIL_BYTES_MAX = 256 * 1024
# How errors are marked by mongod ("s" is the severity: error or fatal) and by RabbitMQ.
_ERROR = re.compile(r'"s":"[EF]"|\[(error|critical)\]')


def log_tail(log: Path, since_byte: int) -> str:
    """Return the last errors after a position of a log, or its last lines if there is no error among them.

    mongod goes on for dozens of lines after the one that says why it ends.
    """
    if not log.exists():
        return "  (there is none)"
    with log.open("rb") as file:
        file.seek(max(since_byte, log.stat().st_size - _TAIL_BYTES_MAX))
        lines = [line for line in file.read().decode("utf-8", errors="replace").splitlines() if line.strip()]
    errors = [line for line in lines if _ERROR.search(line)]
    return (
        "\n".join(f"  {line[:_LINE_CHARACTERS_MAX]}" for line in (errors or lines)[-_LINES_MAX:]) or "  (it is empty)"
    )
