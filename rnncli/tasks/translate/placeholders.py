"""Patterns of what comes through a translation unchanged, beside names: numbers and addresses."""

import re

from rnncli.text.placeholders import PLACEHOLDER

CURRENCIES = "$€£¥₹"
_NUMBER = r"(?<![^\W_])\d+(?:[.,:/]\d+)*"
_UNIT = (
    rf"(?:[°º] ?[CF]?|[%‰{CURRENCIES}]|[kKMGT]i?B|[kcmµ]?m[²³]?|[kmµ]?g|[mcd]?l|[kM]?W|[kM]?Hz|kWh"
    r"|km/h|mph|px|[kmµn]s|EUR|USD|GBP|JPY)(?![^\W_])"
)
# With what belongs to them: telephone numbers, dates, times, versions, and amounts with their unit.
NUMBERS = re.compile(
    r"\+?\(?(?<![^\W_])\d(?:(?:[ .-]|\) ?| ?\()?\d){6,}"
    r"|(?<![^\W_])\d{1,4}(?P<sign>[/.-])\d{1,2}(?P=sign)\d{1,4}(?:T\d\d:\d\d(?::\d\d)?Z?)?"
    rf"|{_NUMBER} ?[ap]\.?m\b\.?|\b[vV]\d+(?:\.\d+)+"
    rf"|[{CURRENCIES}] ?\d+(?:[.,]\d+)*(?:[kMm](?![^\W_]))?|{_NUMBER} ?{_UNIT}|{_NUMBER}"
)
# Web and mail addresses, handles and tags, placeholders of programs, code, and numbers.
WORDS = re.compile(
    r"(?:https?://|www\.)\S*[^\s.,;:!?)\]'\"]|[\w.+-]+@[\w-]+\.[\w.-]*\w|[@#]\w+"
    rf"|{PLACEHOLDER}|`[^`]+`"
    rf"|{NUMBERS.pattern}"
)
