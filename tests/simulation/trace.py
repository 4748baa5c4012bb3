"""What happened in a run, line by line: virtual time, who, what, and with which fault."""

from __future__ import annotations


class Trace:
    """The lines of one run. Equal runs give equal lines, whatever the interpreter's hash seed."""

    def __init__(self) -> None:
        """Start empty."""
        self.lines: list[str] = []

    def note(self, now_ms: int, actor: str, text: str, fault: str = "") -> None:
        """Add a line."""
        mark = f"   <- {fault}" if fault else ""
        self.lines.append(f"{now_ms / 1_000:9.3f}  {actor:<11}  {text}{mark}")

    @property
    def text(self) -> str:
        """All lines."""
        return "\n".join(self.lines)
