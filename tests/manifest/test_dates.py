from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lvtools.manifest.dates import read_date


@pytest.mark.parametrize(
    ("text", "moment", "javascript"),
    [
        ("2018-10-18T22:18:13.527256", datetime(2018, 10, 18, 22, 18, 13, 527256), False),
        ("2020-11-10T03:37:09.600", datetime(2020, 11, 10, 3, 37, 9, 600000), False),
        ("2021-06-22T09:58:34.811Z", datetime(2021, 6, 22, 9, 58, 34, 811000), False),
        ("2022-02-04T22:47:07", datetime(2022, 2, 4, 22, 47, 7), False),
        ("2013-11-18 02:53:27", datetime(2013, 11, 18, 2, 53, 27), False),
        ("2022-02-04T22:47:07+02:00", datetime(2022, 2, 4, 20, 47, 7), False),
        ("2022-02-04", datetime(2022, 2, 4), False),
        (
            "Mon Aug 22 2022 13:52:52 GMT-0700 (Pacific Daylight Time)",
            datetime(2022, 8, 22, 20, 52, 52),
            True,
        ),
        ("Mon Aug 22 2022 13:52:52 GMT+0530", datetime(2022, 8, 22, 8, 22, 52), True),
        ("Mon Aug 22 2022 13:52:52", datetime(2022, 8, 22, 13, 52, 52), True),
    ],
)
def test_every_form_that_real_manifests_hold(text, moment, javascript):
    assert read_date(text) == (moment.replace(tzinfo=UTC), javascript)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "2022-13-01T00:00:00",
        "2022-02-30",
        "1660000000",
        "0001-01-01T00:00:00+23:00",  # before year 1 in UTC
        "Mon Xyz 22 2022 13:52:52",
        "Mon Aug 32 2022 13:52:52",
        "Mon Aug 22 2022 25:52:52",
        "Mon Aug 22 2022 13:52:52 GMT+9900",
        "Fri Dec 31 9999 23:52:52 GMT-0700",
        "Mon Aug 22 2022 13:52:52\n",
        "\0",
    ],
)
def test_what_is_no_date_is_none(text):
    assert read_date(text) == (None, False)


@given(st.datetimes(min_value=datetime(1, 1, 2), max_value=datetime(9999, 12, 30)), st.integers(-14 * 60, 14 * 60))
def test_a_zone_is_taken_away(moment, minutes):
    sign = "+" if minutes >= 0 else "-"
    zone = f"{sign}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"
    expected = moment.replace(tzinfo=UTC) - timedelta(minutes=minutes)
    assert read_date(moment.isoformat() + zone) == (expected, False)


@given(st.text(max_size=30))
def test_any_text_has_an_answer(text):
    moment, javascript = read_date(text)
    assert moment is None or moment.tzinfo is UTC
    assert not (moment is None and javascript)
