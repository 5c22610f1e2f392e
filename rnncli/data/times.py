"""Times: read in the form that a column has, written in the same, and put on a regular grid.

A stamp is a number of seconds since 1970 in UTC, or a number without a date, as it is.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from itertools import pairwise, product
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

Stamps: TypeAlias = NDArray[np.int64]

# In this order where several fit: that of the day and the month is the one in which dates rise.
DATES = (
    *("%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y"),
    *("%m-%d-%Y", "%Y%m%d", "%Y-%m", "%Y/%m", "%Y"),
)
CLOCKS = ("", " %H:%M", " %H:%M:%S", "T%H:%M", "T%H:%M:%S")
MINUTE, HOUR, DAY = 60, 3_600, 86_400
WEEK, MONTH, YEAR = 7 * DAY, 2_629_800, 31_557_600  # the last two on average
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
FIRST_STAMP = 100_000_000  # numbers below are counts, above seconds since 1970
NICE_SECONDS = (1, *(n * MINUTE for n in (1, 5, 10, 15, 30)), *(n * HOUR for n in (1, 2, 3, 6, 12)),
                DAY, WEEK)  # fmt: skip
MIN_REGULAR = 0.9  # of the differences, that a regular series has

_ZONE = re.compile(r"(?<=:\d\d)(?:[.,]\d+)?\s*(Z|UTC|[+-]\d\d(?::?\d\d)?)?$")
_DIGITS = re.compile(r"\d{4}|\d{1,2}")


def _shape(cell: str) -> str:
    """Return a cell with each year as 4 and each other number as 2, as of what strptime reads."""
    return _DIGITS.sub(lambda match: "4" if len(match[0]) == 4 else "2", cell)


_PATTERNS: dict[str, list[str]] = {}  # by shape
for _pattern in map("".join, product(DATES, CLOCKS)):
    _PATTERNS.setdefault(_shape(EPOCH.strftime(_pattern)), []).append(_pattern)


@dataclass(frozen=True)
class TimeFormat:
    """The form of the times in a column: a pattern of strptime, or none of numbers."""

    pattern: str | None
    has_zone: bool = False

    def parse(self, cell: str) -> int | None:
        """Return a stamp; None where a cell is none of this form."""
        text = cell.strip()
        try:
            if self.pattern is None:
                return int(text) if text.isdecimal() and len(text) <= 12 else None
            clock_end = _ZONE.search(text)
            zone = None if clock_end is None else clock_end[1]
            time = datetime.strptime(_ZONE.sub("", text), self.pattern)
        except ValueError:  # such as the 30th of February
            return None
        return round((time.replace(tzinfo=timezone.utc) - _offset(zone)).timestamp())

    def write(self, stamp: int) -> str:
        """Return a stamp in this form; one with a time zone in UTC."""
        if self.pattern is None:
            return str(stamp)
        try:
            time = EPOCH + timedelta(seconds=int(stamp))  # also before 1970
        except OverflowError:  # behind the year 9999
            return str(np.datetime64(int(stamp), "s"))
        return time.strftime(self.pattern) + ("Z" if self.has_zone else "")


def _offset(zone: str | None) -> timedelta:
    if zone in (None, "Z", "UTC"):
        return timedelta()
    digits = zone[1:].replace(":", "").ljust(4, "0")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return -offset if zone[0] == "-" else offset


def find_format(cells: Iterable[str]) -> TimeFormat | None:
    """Return the form of all times in a column; None where they are none."""
    filled = [cell for cell in dict.fromkeys(map(str.strip, cells)) if cell]
    if not filled:
        return None
    zone = _ZONE.search(filled[0])
    patterns: list[str | None] = [*_PATTERNS.get(_shape(_ZONE.sub("", filled[0])), ()), None]
    candidates = []
    for format in (TimeFormat(p, zone is not None and zone[1] is not None) for p in patterns):
        stamps = [stamp for cell in filled if (stamp := format.parse(cell)) is not None]
        if len(stamps) == len(filled):
            falls = sum(later < earlier for earlier, later in pairwise(stamps))
            candidates.append((falls, format))
    return min(candidates, key=lambda each: each[0])[1] if candidates else None


@dataclass(frozen=True)
class Grid:
    """Regular times; ``step`` is in seconds, of months on average.

    Weekdays are days without Saturdays and Sundays; counts are numbers without a date.
    """

    origin: int  # a stamp
    step: int
    unit: Literal["months", "weekdays", "seconds", "counts"] = "seconds"
    day: int = 0  # of months: the latest offset of a time from the begin of its month

    def places(self, stamps: Stamps) -> Stamps:
        """Return the place of each stamp, from 0 at the origin."""
        origin = np.datetime64(self.origin, "s")
        times = stamps.astype("datetime64[s]")
        if self.unit == "months":
            months = times.astype("datetime64[M]") - origin.astype("datetime64[M]")
            return np.asarray(months.astype(np.int64) // round(self.step / MONTH))
        if self.unit == "weekdays":
            first, days = (each.astype("datetime64[D]") for each in (origin, times))
            return np.asarray(np.busday_count(first, days), np.int64)
        return np.asarray(np.rint((stamps - self.origin) / self.step), np.int64)

    def stamp(self, place: int) -> int:
        """Return the stamp of a place."""
        origin = np.datetime64(self.origin, "s")
        if self.unit == "months":
            month = origin.astype("datetime64[M]") + place * round(self.step / MONTH)
            begin, end = (_seconds(month + n) for n in (0, 1))
            return min(begin + self.day, end - DAY + self.day % DAY)
        if self.unit == "weekdays":
            day = np.busday_offset(origin.astype("datetime64[D]"), place, roll="forward")
            return _seconds(day) + self.origin % DAY
        return self.origin + place * self.step

    @property
    def name(self) -> str:
        """The step in words: ``1 month``, ``15 minutes``."""
        if self.unit in ("weekdays", "counts"):
            return "1 weekday" if self.unit == "weekdays" else str(self.step)
        for unit, size in (("month", MONTH), ("day", DAY), ("hour", HOUR), ("minute", MINUTE)):
            if self.step % size == 0:
                number = self.step // size
                return f"{number} {unit}{'s' * (number > 1)}"
        return f"{self.step} seconds"

    @property
    def season(self) -> int:
        """The usual number of steps after which a series repeats: in a year, a week, a day."""
        if self.unit in ("weekdays", "counts"):
            return 5 if self.unit == "weekdays" else 1
        cycles = {MONTH: YEAR, WEEK: 52 * WEEK, DAY: WEEK, 5 * MINUTE: DAY, MINUTE: HOUR, 1: MINUTE}
        cycle = next(cycle for step, cycle in cycles.items() if self.step >= step)
        return max(cycle // self.step, 1)

    @property
    def horizon(self) -> int:
        """How many steps are usually forecast: as in the M4 competition, Makridakis et al. 2020."""
        usual = {1: 6, 4: 8, 5: 14, 7: 14, 12: 18, 52: 13}  # by the season
        return usual.get(self.season, 2 * self.season)


def _seconds(time: np.datetime64) -> int:
    return int(time.astype("datetime64[s]").astype(np.int64))


def find_grid(series: Sequence[Stamps], *, is_number: bool) -> tuple[Grid, bool]:
    """Return the grid of the sorted stamps of several series, and whether they are regular."""
    differences = np.concatenate([np.diff(np.unique(stamps)) for stamps in series])
    stamps = np.unique(np.concatenate(list(series)))
    origin, usual = int(stamps[0]), int(np.median(differences)) if len(differences) else 1
    off = np.abs(differences / usual - np.rint(differences / usual))
    is_regular = not len(off) or bool((off < 0.05).mean() >= MIN_REGULAR)
    if is_number and origin < FIRST_STAMP:
        return Grid(origin, usual, "counts"), is_regular
    for months, low, high in ((1, 28, 31), (3, 89, 92), (6, 181, 184), (12, 365, 366)):
        if low * DAY <= usual <= high * DAY and len(np.unique(stamps % DAY)) == 1:
            begins = stamps.astype("datetime64[s]").astype("datetime64[M]")
            day = int((stamps - begins.astype("datetime64[s]").astype(np.int64)).max())
            return Grid(origin, months * MONTH, "months", day), True
    is_weekday = (stamps // DAY + 3) % 7 < 5  # Monday is 0
    if usual == DAY and len(stamps) > 10 and is_weekday.all():
        return Grid(origin, DAY, "weekdays"), True
    if is_regular:
        return Grid(origin, usual), True
    nice = min(NICE_SECONDS, key=lambda seconds: abs(np.log(seconds / usual)))
    return Grid(origin - origin % nice, nice), False
