"""Go through the units of a network at a terminal, by arrow keys and numbers."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from string import digits
from typing import TYPE_CHECKING

from rnncli.cli.console import is_terminal
from rnncli.cli.keyboard import END, Keyboard, raw_keys
from rnncli.cli.views.figure import print_figures
from rnncli.cli.views.selection import selected_states
from rnncli.cli.views.states import unit_figure
from rnncli.networks.architecture import State
from rnncli.tasks.inspection import TextInspection

if TYPE_CHECKING:
    from rich.console import Console

KEYS = "left, right: another unit · up, down: another layer · a number, Enter: that unit · q: quit"
UNITS, LAYERS = {"left": -1, "right": 1}, {"up": 1, "down": -1}
QUIT = ("q", "escape", END)
MAX_DIGITS = 6  # of a unit's number


@dataclass(frozen=True)
class Position:
    """What is shown: a layer with its state, a unit, and the digits of another one so far."""

    layer: int
    unit: int
    digits: str = ""

    def after(self, key: str | None, sizes: Sequence[int]) -> "Position":
        """Return the position after a key; ``sizes`` are the numbers of units of the layers."""
        if key is not None and key in digits:
            return replace(self, digits=(self.digits + key)[:MAX_DIGITS])
        unit, layer = self.unit, self.layer
        if key == "enter" and self.digits:
            unit = min(int(self.digits), sizes[layer] - 1)
        elif key in UNITS:
            unit = (unit + UNITS[key]) % sizes[layer]
        elif key in LAYERS:
            layer = (layer + LAYERS[key]) % len(sizes)
            unit = min(unit, sizes[layer] - 1)
        return Position(layer, unit)


def can_browse() -> bool:
    """Return whether a person types at a terminal and looks at it."""
    return sys.platform != "win32" and sys.stdin.isatty() and is_terminal(stderr=False)


def browse(inspection: TextInspection, state: State | None, unit: int, console: "Console") -> None:
    """Show one unit of a layer at a time behind its text, until ``q`` is pressed.

    Raises:
        ConfigError: there is no such state, or no such unit of the first layer.

    """
    states = list(selected_states(inspection, state))
    sizes = [trace.states[letter].shape[1] for _, trace, letter in states]
    position = Position(0, unit)
    descriptor = sys.stdin.fileno()
    with raw_keys(descriptor) as read, console.screen(hide_cursor=True):
        keyboard = Keyboard(descriptor, read)
        while True:
            reading, trace, letter = states[position.layer]
            console.clear()
            print_figures([unit_figure(reading, trace, letter, position.unit)], console)
            console.print(f"\n{KEYS}", style="dim", soft_wrap=False)
            if position.digits:
                console.print(f"unit {position.digits}")
            key = keyboard.key()
            if key in QUIT:
                return
            position = position.after(key, sizes)
