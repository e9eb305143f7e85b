"""The forms of `creation-date` that real manifests hold, read as UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache

# 'Mon Aug 22 2022 13:52:52 GMT-0700 (Pacific Daylight Time)': what JavaScript's Date prints; AWS's own masks carry it.
_JAVASCRIPT = re.compile(
    r"[A-Z][a-z]{2} ([A-Z][a-z]{2}) (\d{1,2}) (\d{4}) (\d{2}):(\d{2}):(\d{2})"
    r"(?: (?:GMT|UTC)([+-])(\d{2}):?(\d{2}))?(?: \([^()]*\))?\Z"
)
_MONTHS = {
    name: number
    for number, name in enumerate(
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"], 1
    )
}


@lru_cache(maxsize=4096)
def read_date(text: str) -> tuple[datetime | None, bool]:
    """Read a date; without a zone it is UTC, as the services write it.

    Returns
    -------
    (datetime or None, bool)
        The time in UTC (None when the text is no date), and whether it was a JavaScript date.
    """
    try:
        return _in_utc(datetime.fromisoformat(text)), False
    except (ValueError, OverflowError):
        pass
    found = _JAVASCRIPT.match(text)
    if not found or found[1] not in _MONTHS:
        return None, False
    month, day, year, hour, minute, second, sign, zone_hours, zone_minutes = found.groups()
    zone = timedelta(hours=int(zone_hours or 0), minutes=int(zone_minutes or 0)) * (-1 if sign == "-" else 1)
    try:
        moment = datetime(
            int(year), _MONTHS[month], int(day), int(hour), int(minute), int(second), tzinfo=timezone(zone)
        )
        return _in_utc(moment), True
    except (ValueError, OverflowError):
        return None, False


def _in_utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
