"""Expands an iCalendar: reads one from standard input, prints its events of the given days in UTC, as JSON.

.venv/calendar/bin/python nights.py 2026-03-01 2026-03-08 < calendar.ics
"""

import json
import sys
from datetime import UTC, datetime

from dateutil.rrule import rrulestr
from icalendar import Calendar


def main() -> None:
    first, last = (datetime.fromisoformat(day).replace(tzinfo=UTC) for day in sys.argv[1:3])
    calendar = Calendar.from_ical(sys.stdin.read())
    events = []
    for event in calendar.walk("VEVENT"):
        begins, length = event.decoded("DTSTART"), event.decoded("DTEND") - event.decoded("DTSTART")
        rule = rrulestr(event["RRULE"].to_ical().decode(), dtstart=begins)
        events += [(at.isoformat(), (at + length).isoformat()) for at in rule.between(first, last, inc=True)]
    print(json.dumps(events))


if __name__ == "__main__":
    main()
