"""Two models that are scored on the same texts: whether that is fair, and which is better."""

from pathlib import Path

from rnncli.cli.console import Screen
from rnncli.storage.reading import read_info
from rnncli.tasks.scoring import ScoredRows

SIGNIFICANT = 0.05  # p values below it are called more than chance, as is the custom


class Comparison:
    """A model and a second one of the same task."""

    def __init__(self, first: Path, second: Path) -> None:
        """Read what they were trained on."""
        self._first, self._second = first, second
        self._hold_out_the_same = _held_out(first) == _held_out(second)

    def say_if_unfair(self, data: ScoredRows, screen: Screen) -> None:
        """Say where the second model may have learned from what it is scored on."""
        if data.is_held_out and not self._hold_out_the_same:
            screen.say(
                f"{self._second} was trained on other data, or holds out another part of it: it "
                f"may have learned from texts that {self._first} has never seen"
            )

    def verdict(self, difference: float, unit: str, p_value: float) -> str:
        """Say in words whether a model is better; a difference above 0 is for the first."""
        if p_value >= SIGNIFICANT:
            return (
                f"the difference of {abs(difference):.2f} {unit} may be chance: these texts do not "
                "tell which model is better"
            )
        better, worse = self._first, self._second
        if difference < 0:
            better, worse = worse, better
        return (
            f"{better} is better than {worse} by {abs(difference):.2f} {unit}, which is more than "
            "chance"
        )


def _held_out(path: Path) -> tuple[object, ...]:
    """Return what says which texts a model has not learned from."""
    info = read_info(path)
    return (info["data"]["fingerprint"], info["settings"]["validation"], info["settings"]["seed"])
