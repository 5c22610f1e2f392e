"""Time stamps: read in the form that a column has, written in the same, and put on a regular grid.

Stamps are seconds since 1970 in UTC; numbers without a date are counted as they are. A grid has a
place for each step, of months or of seconds, so that missing steps are empty places.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from itertools import pairwise
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

Stamps: TypeAlias = NDArray[np.int64]
Order: TypeAlias = Literal["year first", "day first", "month first", "compact", "quarter", "number"]

DAY, WEEK = 86_400, 604_800
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
FIRST_STAMP = 100_000_000  # numbers below are counts, above seconds since 1970
NICE_SECONDS = (1, 60, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, DAY, WEEK)
MIN_REGULAR = 0.9  # of the differences, that a regular series has
_CLOCK = r"(?:(?P<gap>[T ])(?P<H>\d{1,2}):(?P<M>\d\d)(?::(?P<S>\d\d)(?:[.,]\d+)?)?)?"
_ZONE = r"\s*(?P<zone>Z|UTC|[+-]\d\d(?::?\d\d)?)?"
_FORMS: dict[Order, re.Pattern[str]] = {
    "year first": re.compile(
        rf"(?P<Y>[12]\d{{3}})(?:(?P<s>[-/.])(?P<m>\d{{1,2}})(?:(?P=s)(?P<d>\d{{1,2}}){_CLOCK})?)?{_ZONE}"
    ),
    "day first": re.compile(
        rf"(?P<d>\d{{1,2}})(?P<s>[-/.])(?P<m>\d{{1,2}})(?P=s)(?P<Y>\d{{4}}){_CLOCK}{_ZONE}"
    ),
    "month first": re.compile(
        rf"(?P<m>\d{{1,2}})(?P<s>[-/.])(?P<d>\d{{1,2}})(?P=s)(?P<Y>\d{{4}}){_CLOCK}{_ZONE}"
    ),
    "compact": re.compile(r"(?P<Y>[12]\d{3})(?P<s>)(?P<m>[01]\d)(?P<d>[0-3]\d)"),
    "quarter": re.compile(r"(?P<Y>\d{4})(?P<s>[- ]?)Q(?P<q>[1-4])"),
    "number": re.compile(r"\d{1,12}"),
}


@dataclass(frozen=True)
class TimeFormat:
    """The form of the stamps in a column; ``pattern`` is strftime's."""

    order: Order
    pattern: str
    has_zone: bool = False

    def parse(self, cell: str) -> int | None:
        """Return a stamp; None where a cell is none of this form."""
        match = _FORMS[self.order].fullmatch(cell.strip())
        if match is None:
            return None
        if self.order == "number":
            return int(match[0])
        parts = match.groupdict()
        quarter = parts.get("q")
        month = int(parts.get("m") or 1) if quarter is None else 3 * int(quarter) - 2
        try:
            day = datetime(int(parts["Y"]), month, int(parts.get("d") or 1), tzinfo=timezone.utc)
            hour, minute, second = (int(parts.get(name) or 0) for name in "HMS")
            time = day.replace(hour=hour, minute=minute, second=second)
        except ValueError:  # such as the 30th of February
            return None
        return round((time - _offset(parts.get("zone"))).timestamp())

    def write(self, stamp: int) -> str:
        """Return a stamp in this form; one with a time zone in UTC."""
        if self.order == "number":
            return str(stamp)
        time = EPOCH + timedelta(seconds=int(stamp))  # also before 1970
        text = time.strftime(self.pattern.replace("%Y", f"{time.year:04d}"))
        return text.replace("%q", str((time.month + 2) // 3)) + ("Z" if self.has_zone else "")


def _offset(zone: str | None) -> timedelta:
    if zone in (None, "Z", "UTC"):
        return timedelta()
    digits = zone[1:].replace(":", "").ljust(4, "0")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return -offset if zone[0] == "-" else offset


def find_format(cells: Sequence[str]) -> TimeFormat | None:
    """Return the form of all stamps in a column; None where they are none.

    Of dates that could begin with the day or the month, it is the order in which they rise.
    """
    filled = [cell.strip() for cell in cells if cell.strip()]
    if not filled:
        return None
    longest = max(filled, key=len)
    candidates = []
    for order, form in _FORMS.items():
        match = form.fullmatch(longest)
        if match is None:
            continue
        format = TimeFormat(order, _pattern(order, match), bool(match.groupdict().get("zone")))
        stamps = [format.parse(cell) for cell in filled]
        numbers = [stamp for stamp in stamps if stamp is not None]
        if len(numbers) == len(filled):
            falls = sum(later < earlier for earlier, later in pairwise(numbers))
            candidates.append((falls, format))
    return min(candidates, key=lambda each: each[0])[1] if candidates else None


def _pattern(order: Order, match: re.Match[str]) -> str:
    if order == "number":
        return ""
    parts, s = match.groupdict(), match["s"] or ""
    if order == "quarter":
        return f"%Y{s}Q%q"
    letters = {"day first": "dmY", "month first": "mdY"}.get(order, "Ymd")
    date = s.join(f"%{letter}" for letter in letters if parts[letter] is not None)
    if parts.get("H") is None:
        return date
    return date + str(parts["gap"]) + ("%H:%M" if parts["S"] is None else "%H:%M:%S")


@dataclass(frozen=True)
class Grid:
    """A regular grid of times: a step of ``months`` or of ``seconds``, from an origin.

    ``weekdays``: days without Saturdays and Sundays.
    """

    origin: int  # a stamp
    months: int = 0
    seconds: int = 0
    weekdays: bool = False
    is_count: bool = False  # a stamp is a number, not a time
    day: int = 1  # of the month, where there are as many

    def places(self, stamps: Stamps) -> Stamps:
        """Return the place of each stamp, from 0 at the origin."""
        if self.months:
            month = (stamps - self.origin % DAY).astype("datetime64[s]").astype("datetime64[M]")
            first = np.datetime64(self.origin, "s").astype("datetime64[M]")
            return np.asarray((month - first).astype(np.int64) // self.months)
        if self.weekdays:
            days = stamps.astype("datetime64[s]").astype("datetime64[D]")
            first = np.datetime64(self.origin, "s").astype("datetime64[D]")
            return np.asarray(np.busday_count(first, days), np.int64)
        return np.asarray(np.rint((stamps - self.origin) / self.seconds), np.int64)

    def stamp(self, place: int) -> int:
        """Return the stamp of a place."""
        if self.months:
            first = np.datetime64(self.origin, "s").astype("datetime64[M]")
            month = first + np.timedelta64(place * self.months, "M")
            start = month.astype("datetime64[D]").astype(np.int64)
            end = (month + np.timedelta64(1, "M")).astype("datetime64[D]").astype(np.int64)
            return int(min(start + self.day, end) - 1) * DAY + self.origin % DAY
        if self.weekdays:
            first = np.datetime64(self.origin, "s").astype("datetime64[D]")
            day = np.busday_offset(first, place, roll="forward").astype(np.int64)
            return int(day) * DAY + self.origin % DAY
        return self.origin + place * self.seconds

    @property
    def name(self) -> str:
        """The step in words: ``1 month``, ``15 minutes``."""
        if self.weekdays or self.is_count:
            return "1 weekday" if self.weekdays else f"{self.seconds}"
        units = (("month", 1),) if self.months else (("day", DAY), ("hour", 3_600), ("minute", 60))
        for unit, size in (*units, ("second", 1)):
            number, rest = divmod(self.months or self.seconds, size)
            if number and not rest:
                return f"{number} {unit}{'' if number == 1 else 's'}"
        raise AssertionError

    @property
    def season(self) -> int:
        """The usual number of steps after which a series repeats: in a year, a week, a day."""
        if self.months:
            return max(12 // self.months, 1)
        if self.weekdays or self.is_count:
            return 5 if self.weekdays else 1
        for step, cycle in ((WEEK, 52 * WEEK), (DAY, WEEK), (300, DAY), (60, 3_600), (1, 60)):
            if self.seconds >= step:
                return max(cycle // self.seconds, 1)
        raise AssertionError

    @property
    def horizon(self) -> int:
        """How many steps are usually forecast: as in the M4 competition, Makridakis et al. 2020."""
        if self.months:
            return {12: 18, 4: 8}.get(self.season, 6)
        if self.weekdays or self.is_count or self.seconds == DAY:
            return 14
        return 13 if self.seconds >= WEEK else 2 * self.season


def find_grid(series: Sequence[Stamps], is_number: bool = False) -> tuple[Grid, bool]:
    """Return the grid of the sorted stamps of several series, and whether they are regular."""
    differences = np.concatenate([np.diff(np.unique(stamps)) for stamps in series])
    stamps = np.unique(np.concatenate(list(series)))
    origin = int(stamps[0])
    if not len(differences):
        return Grid(origin, seconds=1), True
    usual = int(np.median(differences))
    if is_number and origin < FIRST_STAMP:
        return Grid(origin, seconds=usual, is_count=True), bool(
            (differences % usual == 0).mean() >= MIN_REGULAR
        )
    for months, low, high in ((1, 28, 31), (3, 89, 92), (6, 181, 184), (12, 365, 366)):
        if low * DAY <= usual <= high * DAY and len(np.unique(stamps % DAY)) == 1:
            days = stamps.astype("datetime64[s]").astype("datetime64[D]")
            day = int((days - days.astype("datetime64[M]")).astype(np.int64).max()) + 1
            return Grid(origin, months=months, day=day), True
    if usual == DAY and len(stamps) > 10:
        weekday = (stamps // DAY + 3) % 7  # Monday is 0
        if not (weekday > 4).any():
            return Grid(origin, seconds=DAY, weekdays=True), True
    off = np.abs(differences / usual - np.rint(differences / usual))
    if (off < 0.05).mean() >= MIN_REGULAR:
        return Grid(origin, seconds=usual), True
    nice = min(NICE_SECONDS, key=lambda seconds: abs(np.log(seconds / usual)))
    return Grid(origin - origin % nice, seconds=nice), False
