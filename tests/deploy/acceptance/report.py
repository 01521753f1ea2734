"""What was found out, on the terminal as it comes and as Markdown."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from .resources import AWS_ERRORS

HELD, BROKEN = "held", "**broken**"
AS_BELIEVED, OTHERWISE, NOT_FOUND_OUT = "as believed", "otherwise", "not found out"
# An answer that lacks what the API documents is a finding, and no reason to stop.
FAILURES = (AssertionError, KeyError, IndexError, AttributeError, ValueError, *AWS_ERRORS)


@dataclass(frozen=True)
class Belief:
    """Something that AWS documents nowhere. `step` finds out whether it is so, and what was seen."""

    name: str
    otherwise: str  # what then happens
    step: Callable[[], tuple[str, str]]


class Report:
    def __init__(self) -> None:
        self.promises: list[tuple[str, str, str]] = []
        self.beliefs: list[tuple[str, str, str]] = []
        self.stopped = ""  # why it did not get to its end
        self.kept = False  # on purpose
        self.left: list[str] = []

    def promise(self, name: str, step: Callable[[], str]) -> None:
        begun = time.monotonic()
        try:
            result, note = HELD, step()
        except AssertionError as error:
            result, note = BROKEN, str(error)
        except FAILURES as error:
            result, note = BROKEN, f"the test could not go on: {error!r}"
        self.promises.append((name, result, note))
        print(f"  {result:12}{name} ({time.monotonic() - begun:.0f} s): {note}", flush=True)

    def belief(self, belief: Belief) -> None:
        try:
            result, note = belief.step()
        except FAILURES as error:
            result, note = NOT_FOUND_OUT, str(error) or repr(error)
        if result == OTHERWISE:
            note = f"{note}. {belief.otherwise}"
        self.beliefs.append((belief.name, result, note))
        print(f"  {result:15}{belief.name}: {note}", flush=True)

    def is_good(self) -> bool:
        held = bool(self.promises) and all(result == HELD for _, result, _ in self.promises)
        return held and not self.stopped and not self.left

    def markdown(self, about: str) -> str:
        lines = ["# pushbuild's acceptance", "", about, ""]
        if self.stopped:
            lines += [f"**It did not get to its end: {self.stopped}**", ""]
        lines += table("promise", self.promises)
        if self.beliefs:
            lines += table("documented nowhere, and believed", self.beliefs)
        if self.left:
            lines += ["Not deleted:", "", *(f"- {one}" for one in self.left)]
        else:
            lines.append("Nothing was deleted, because of `--keep`." if self.kept else "Everything made was deleted.")
        return "\n".join(lines) + "\n"


def table(heading: str, rows: list[tuple[str, str, str]]) -> list[str]:
    if not rows:
        return []
    cells = [tuple(cell.replace("|", "\\|").replace("\n", " ") for cell in row) for row in rows]
    return [f"| {heading} | result | seen |", "| --- | --- | --- |", *(f"| {' | '.join(row)} |" for row in cells), ""]
