"""Which layers, directions and states of an inspected text are shown."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from rnncli.analysis.traces import Reading, Trace
from rnncli.errors import ConfigError
from rnncli.messages import name_list
from rnncli.networks.architecture import Direction, Half, State
from rnncli.tasks.inspection import TextInspection


@dataclass(frozen=True)
class Selection:
    """A choice of traces; what is None or empty leaves nothing out."""

    half: Half | None = None
    layers: tuple[int, ...] = ()  # numbered from 0, as their weights are
    direction: Direction | None = None

    def apply(self, inspection: TextInspection) -> TextInspection:
        """Return an inspection with the chosen traces alone.

        Raises:
            ConfigError: there are none.

        """
        readings = tuple(
            replace(reading, traces=tuple(filter(self._selects, reading.traces)))
            for reading in inspection.readings
        )
        if not any(reading.traces for reading in readings):
            names = name_list(list(inspection.traces))
            given = {"--layer": self.layers, "--direction": self.direction, "--half": self.half}
            option = next(option for option, value in given.items() if value)
            raise ConfigError(f"no layer is selected; there are {names}", f"leave {option} out")
        return replace(inspection, readings=readings)

    def _selects(self, trace: Trace) -> bool:
        return (
            self.half in (None, trace.half)
            and (not self.layers or trace.number in self.layers)
            and self.direction in (None, trace.direction)
        )


def selected_states(
    inspection: TextInspection, state: State | None
) -> Iterator[tuple[Reading, Trace, State]]:
    """Yield the chosen traces with the letter of each chosen state.

    Raises:
        ConfigError: no layer has such a state.

    """
    items = [
        (reading, trace, letter)
        for reading in inspection.readings
        for trace in reading.traces
        for letter in trace.states
        if state in (None, letter)
    ]
    if not items:
        raise ConfigError(f"there is no state {state}: only an LSTM has c", "--state h")
    yield from items
