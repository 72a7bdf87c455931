//! Days, moments, and birth dates of varying precision.

use std::fmt;

use jiff::{ToSpan, civil};
use serde::{Deserialize, Serialize};

use super::coded::coded;

/// A calendar day, as days since 1970-01-01.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, Default)]
#[serde(transparent)]
pub struct Day(pub i32);

/// The first and last year that a date may name.
pub const YEARS: std::ops::RangeInclusive<i16> = 1970..=2199;

const EPOCH: civil::Date = civil::date(1970, 1, 1);

impl Day {
    /// The day of a civil date; `None` outside [`YEARS`].
    pub fn from_date(date: civil::Date) -> Option<Self> {
        if !YEARS.contains(&date.year()) {
            return None;
        }
        let span = EPOCH.until(date).ok()?;
        Some(Self(span.get_days()))
    }

    /// The day of a year, month and day of the month, if there is such a day.
    pub fn from_ymd(year: i16, month: i8, day: i8) -> Option<Self> {
        civil::Date::new(year, month, day).ok().and_then(Self::from_date)
    }

    /// The civil date of this day.
    pub fn date(self) -> civil::Date {
        EPOCH.checked_add(self.0.days()).unwrap_or(EPOCH)
    }

    /// The moment at which the day begins, in the time zone of the machine.
    pub fn start(self) -> Stamp {
        let zoned = self.date().to_zoned(jiff::tz::TimeZone::system());
        zoned.map_or(Stamp(i64::from(self.0) * 86_400_000), |z| Stamp(z.timestamp().as_millisecond()))
    }

    /// Today, in the time zone of the machine.
    pub fn today() -> Self {
        Self::from_date(jiff::Zoned::now().date()).unwrap_or(Self(0))
    }

    /// Reads `2024-05-12`, `today`, `yesterday`, `+3d`, `-1w`, `+2m`, `-1y` (from `today`).
    ///
    /// # Errors
    /// A sentence that says what would do.
    pub fn parse(s: &str, today: Self) -> Result<Self, String> {
        let s = s.trim();
        match s.to_ascii_lowercase().as_str() {
            "today" => return Ok(today),
            "yesterday" => return Ok(Self(today.0 - 1)),
            "tomorrow" => return Ok(Self(today.0 + 1)),
            _ => {}
        }
        let no = || format!("\"{s}\" is no date; write 2024-05-12, today, +3d or -1w");
        if s.starts_with(['+', '-']) {
            return shift(today, s).ok_or_else(no);
        }
        let mut parts = s.split('-');
        let (Some(y), Some(m), Some(d), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
            return Err(no());
        };
        let (Some(y), Some(m), Some(d)) = (digits(y, 4), digits(m, 2), digits(d, 2)) else { return Err(no()) };
        Self::from_ymd(y, m as i8, d as i8).ok_or_else(|| format!("there is no day {s}"))
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.date().to_string())
    }
}

fn digits(s: &str, most: usize) -> Option<i16> {
    if s.is_empty() || s.len() > most || !s.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    s.parse().ok()
}

/// `+3d`, `-1w`, `+2m`, `-1y` from a day.
fn shift(from: Day, s: &str) -> Option<Day> {
    let (sign, rest) = s.split_at_checked(1)?;
    let (number, unit) = rest.split_at_checked(rest.len().checked_sub(1)?)?;
    let n: i32 = i32::from(digits(number, 4)?) * if sign == "-" { -1 } else { 1 };
    let date = from.date();
    let moved = match unit {
        "d" => date.checked_add(n.days()),
        "w" => date.checked_add(n.weeks()),
        "m" => date.checked_add(n.months()),
        "y" => date.checked_add(n.years()),
        _ => return None,
    };
    moved.ok().and_then(Day::from_date)
}

/// A span of time as queries and forms write it: `90`, `90d`, `12w`, `8m`, `2y`; the answer is in days
/// (a month counts 30.44 days, a year 365.25).
pub fn parse_span_days(s: &str) -> Result<i32, String> {
    let s = s.trim();
    let (number, unit) = match s.char_indices().last() {
        Some((i, c)) if c.is_ascii_alphabetic() => (&s[..i], c),
        _ => (s, 'd'),
    };
    let n = digits(number, 4).ok_or_else(|| format!("\"{s}\" is no length of time; write 90d, 12w, 8m or 2y"))?;
    let n = f64::from(n);
    Ok(match unit.to_ascii_lowercase() {
        'd' => n,
        'w' => n * 7.0,
        'm' => n * 30.44,
        'y' => n * 365.25,
        _ => return Err(format!("\"{s}\" is no length of time; write 90d, 12w, 8m or 2y")),
    }
    .round() as i32)
}

/// A moment, in milliseconds since 1970-01-01 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, Default)]
#[serde(transparent)]
pub struct Stamp(pub i64);

impl Stamp {
    /// Now.
    pub fn now() -> Self {
        Self(jiff::Timestamp::now().as_millisecond())
    }

    /// The moment in the time zone of the machine.
    pub fn zoned(self) -> jiff::Zoned {
        jiff::Timestamp::from_millisecond(self.0).unwrap_or_default().to_zoned(jiff::tz::TimeZone::system())
    }

    /// The local day of the moment.
    pub fn day(self) -> Day {
        Day::from_date(self.zoned().date()).unwrap_or_default()
    }

    /// `2026-11-20 15:04`, local time.
    pub fn minute(self) -> String {
        self.zoned().strftime("%Y-%m-%d %H:%M").to_string()
    }

    /// Reads a moment in the time zone of the machine: `2026-11-20 15:00`, `2026-11-20 15:00:30`, `yesterday 15:00`, `15:00` (the last
    /// such moment before `now`), as [`Self::second`] shows it; or with a zone of its own, `2026-11-20T15:00:00Z`. One that names the
    /// second is the end of that second: what is shown to have happened in it had happened then.
    ///
    /// # Errors
    /// A sentence that says what would do.
    pub fn parse(s: &str, now: Self) -> Result<Self, String> {
        let (s, today) = (s.trim(), now.day());
        if let Ok(at) = s.parse::<jiff::Timestamp>() {
            let rest = if s.contains(['.', ',']) { 0 } else { LAST_MS };
            return Ok(Self(at.as_millisecond() + rest));
        }
        let (s, zone) = match s.rsplit_once(' ') {
            Some((rest, zone)) if rest.contains(':') => (rest.trim_end(), Some(zone)),
            _ => (s, None),
        };
        // A T between day and time follows a digit; that of "today" does not.
        let with_t = || s.rsplit_once(['T', 't']).filter(|(day, _)| day.ends_with(|c: char| c.is_ascii_digit()));
        let (day, time) = match s.rsplit_once(' ').or_else(with_t) {
            Some((day, time)) => (Some(Day::parse(day, today)?), time),
            None if s.contains(':') => (None, s),
            None => {
                let day = Day::parse(s, today)
                    .map_err(|_| format!("\"{s}\" is no moment; write '2026-11-20 15:00' or 'yesterday 15:00'"))?;
                return Err(format!("{day} has many moments; add the time, as in '{day} 15:00'"));
            }
        };
        let no = || format!("\"{time}\" is no time of day; write 15:00 or 15:00:30");
        let mut parts = time.split(':').map(|part| digits(part, 2).and_then(|n| i8::try_from(n).ok()));
        let (Some(Some(hour)), Some(Some(minute)), second, None) =
            (parts.next(), parts.next(), parts.next().unwrap_or(Some(0)), parts.next())
        else {
            return Err(no());
        };
        let rest = if time.matches(':').count() > 1 { LAST_MS } else { 0 };
        let time = civil::Time::new(hour, minute, second.ok_or_else(no)?, 0).map_err(|_| no())?;
        let on = |day: Day| in_zone(day.date().to_datetime(time), zone);
        match day {
            Some(day) => Ok(Self(on(day)?.0 + rest)),
            None => {
                let at = on(today)?;
                let last = if at > now { on(Day(today.0 - 1))? } else { at };
                Ok(Self(last.0 + rest))
            }
        }
    }

    /// `2026-11-20 15:04:05 CET`, local time with the name of its zone.
    pub fn second(self) -> String {
        self.zoned().strftime("%Y-%m-%d %H:%M:%S %Z").to_string()
    }

    /// RFC 3339 in UTC, for files and scripts.
    pub fn rfc3339(self) -> String {
        jiff::Timestamp::from_millisecond(self.0).unwrap_or_default().to_string()
    }

    /// Whole days from this moment to `today`, at least 0.
    pub fn days_until(self, today: Day) -> i32 {
        (today.0 - self.day().0).max(0)
    }

    /// `just now`, `5 min ago`, `3 h ago`, else the date and minute.
    pub fn ago(self, now: Self) -> String {
        match now.0.saturating_sub(self.0) / 60_000 {
            m if m < 1 => "just now".to_owned(),
            m if m < 60 => format!("{m} min ago"),
            m if m < 60 * 24 => format!("{} h ago", m / 60),
            _ => format!("on {}", self.minute()),
        }
    }
}

/// From the beginning of a second to its last millisecond.
const LAST_MS: i64 = 999;

/// A time of the clock as a moment: in the zone of the machine, or where it is named as it is shown, in that one.
fn in_zone(time: civil::DateTime, zone: Option<&str>) -> Result<Stamp, String> {
    let local = jiff::tz::TimeZone::system();
    let stamp = |zoned: &jiff::Zoned| Stamp(zoned.timestamp().as_millisecond());
    let Some(name) = zone else {
        return time.to_zoned(local).map(|zoned| stamp(&zoned)).map_err(|e| e.to_string());
    };
    // When clocks are put back an hour is there twice, and the name tells which is meant.
    let both = [local.to_ambiguous_zoned(time).earlier(), local.to_ambiguous_zoned(time).later()];
    let all = both.into_iter().chain([time.to_zoned(jiff::tz::TimeZone::UTC)]).flatten();
    let mut names = Vec::new();
    for zoned in all {
        let its = zoned.strftime("%Z").to_string();
        if its.eq_ignore_ascii_case(name) {
            return Ok(stamp(&zoned));
        }
        names.push(its);
    }
    let own = names.first().map_or("local", String::as_str);
    Err(format!(
        "times are {own} here, and \"{name}\" is not known; leave it away, or write 2026-11-20T15:00:00Z for UTC"
    ))
}

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.minute())
    }
}

/// A date known to the day, the month or the year.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum PartialDate {
    /// Known to the day.
    Day(Day),
    /// Known to the month.
    Month {
        /// The year.
        year: i16,
        /// The month, from 1.
        month: i8,
    },
    /// Known to the year.
    Year(i16),
}

impl PartialDate {
    /// Reads `2024-05-12`, `2024-05`, `2024`, an age (`3y`, `8m`, `10w`, `5d`), `today`, `-1w`.
    /// An age in years gives a year, in months a month, in weeks or days a day.
    ///
    /// # Errors
    /// A sentence that says what would do.
    pub fn parse(s: &str, today: Day) -> Result<Self, String> {
        let s = s.trim();
        let no = || format!("\"{s}\" is no date; write 2024-05-12, 2024-05, 2024, or an age such as 3y or 8m");
        let lower = s.to_ascii_lowercase();
        if lower.len() >= 2 && lower.as_bytes()[0].is_ascii_digit() && lower.ends_with(['y', 'm', 'w', 'd']) {
            let back = shift(today, &format!("-{lower}")).ok_or_else(no)?;
            let date = back.date();
            return Ok(match lower.as_bytes()[lower.len() - 1] {
                b'y' => Self::Year(date.year()),
                b'm' => Self::Month { year: date.year(), month: date.month() },
                _ => Self::Day(back),
            });
        }
        let parts: Vec<&str> = s.split('-').collect();
        match parts[..] {
            [y] if y.len() == 4 && y.bytes().all(|b| b.is_ascii_digit()) => {
                let year = digits(y, 4).ok_or_else(no)?;
                if YEARS.contains(&year) { Ok(Self::Year(year)) } else { Err(format!("the year {y} is out of range")) }
            }
            [y, m] if y.len() == 4 => {
                let (year, month) = (digits(y, 4).ok_or_else(no)?, digits(m, 2).ok_or_else(no)? as i8);
                Day::from_ymd(year, month, 1).ok_or_else(|| format!("there is no month {s}"))?;
                Ok(Self::Month { year, month })
            }
            _ => Day::parse(s, today).map(Self::Day).map_err(|e| if e.contains("is no date") { no() } else { e }),
        }
    }

    /// The first day it can mean.
    pub fn earliest(self) -> Day {
        match self {
            Self::Day(day) => day,
            Self::Month { year, month } => Day::from_ymd(year, month, 1).unwrap_or_default(),
            Self::Year(year) => Day::from_ymd(year, 1, 1).unwrap_or_default(),
        }
    }

    /// The last day it can mean.
    pub fn latest(self) -> Day {
        match self {
            Self::Day(day) => day,
            Self::Month { year, month } => {
                Day::from_ymd(year, month, 1).and_then(|d| Day::from_date(d.date().last_of_month())).unwrap_or_default()
            }
            Self::Year(year) => Day::from_ymd(year, 12, 31).unwrap_or_default(),
        }
    }

    /// The day it is taken for in sorting and in ages: the middle of what it can mean.
    pub fn middle(self) -> Day {
        Day((self.earliest().0 + self.latest().0).div_euclid(2))
    }

    /// The age on a day, in words: `3 y`, `8 mo`, `2 wk`, `5 d`; with `~` when the date is not known to
    /// the day and the unit shown is finer than what is known allows.
    pub fn age(self, today: Day) -> String {
        let days = today.0 - self.middle().0;
        let about = if matches!(self, Self::Day(_)) { "" } else { "~" };
        let Ok(span) = self.middle().date().until((jiff::Unit::Year, today.date())) else { return "?".to_owned() };
        let months = i32::from(span.get_years()) * 12 + span.get_months();
        match days {
            d if self.earliest() > today => {
                if d < -1 {
                    "unborn".to_owned()
                } else {
                    format!("{about}0 d")
                }
            }
            _ if months >= 24 => format!("{about}{} y", months / 12),
            _ if months >= 12 && about.is_empty() => format!("1 y {} mo", months - 12).replace(" 0 mo", ""),
            _ if months >= 12 => format!("{about}1 y"),
            _ if months >= 2 => format!("{about}{months} mo"),
            d if d >= 14 => format!("{about}{} wk", d / 7),
            d => format!("{about}{} d", d.max(0)),
        }
    }
}

impl fmt::Display for PartialDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Day(day) => day.fmt(f),
            Self::Month { year, month } => f.pad(&format!("{year:04}-{month:02}")),
            Self::Year(year) => f.pad(&format!("{year:04}")),
        }
    }
}

coded! {
    /// Bands of age as shelters use them: baby below 6 months, young below 2 years, adult below
    /// 8 years, senior from there on.
    pub enum AgeBand("age band") {
        Baby = 1, "baby", "Baby";
        Young = 2, "young", "Young";
        Adult = 3, "adult", "Adult";
        Senior = 4, "senior", "Senior";
    }
}

impl AgeBand {
    /// The band of an age in days.
    pub const fn of_days(days: i32) -> Self {
        match days {
            ..183 => Self::Baby,
            183..730 => Self::Young,
            730..2922 => Self::Adult,
            _ => Self::Senior,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(s: &str) -> Day {
        Day::parse(s, Day(0)).unwrap()
    }

    #[test]
    fn dates_read_back_as_written() {
        let today = day("2026-11-22");
        for s in ["2024-05-12", "2024-05", "2024", "1999-12-31"] {
            assert_eq!(PartialDate::parse(s, today).unwrap().to_string(), s);
        }
        assert_eq!(Day::parse("+3d", today).unwrap().to_string(), "2026-11-25");
        assert_eq!(Day::parse("-1w", today).unwrap().to_string(), "2026-11-15");
        assert_eq!(PartialDate::parse("3y", today).unwrap(), PartialDate::Year(2023));
        assert_eq!(PartialDate::parse("8m", today).unwrap(), PartialDate::Month { year: 2026, month: 3 });
        assert_eq!(PartialDate::parse("5d", today).unwrap().to_string(), "2026-11-17");
    }

    #[test]
    fn what_is_no_date_is_refused() {
        let today = day("2026-11-22");
        for s in [
            "",
            "2024-13",
            "2024-02-30",
            "24-05-12",
            "0203-01-01",
            "12/05/2024",
            "soon",
            "-",
            "+d",
            "9999y",
            "y",
            "2024-5-1x",
            "é",
        ] {
            assert!(PartialDate::parse(s, today).is_err(), "{s}");
        }
    }

    #[test]
    fn a_moment_is_read_as_it_is_shown_and_a_time_alone_is_the_last_one() {
        let now = Stamp(day("2026-11-23").start().0 + 21 * 60_000);
        let read = |s: &str| Stamp::parse(s, now).map(Stamp::minute);
        assert_eq!(read("23:48").unwrap(), "2026-11-22 23:48");
        assert_eq!(read("0:20").unwrap(), "2026-11-23 00:20");
        assert_eq!(read("today 23:48").unwrap(), "2026-11-23 23:48");
        // Whatever is left of the second that is shown belongs to it.
        for ms in [0, 1, 400, 999] {
            let shown = Stamp(now.0 + ms);
            let again = Stamp::parse(&shown.second(), now).unwrap();
            assert!(again >= shown && again.second() == shown.second(), "{ms}");
            assert!(Stamp::parse(&shown.rfc3339(), now).unwrap() >= shown, "{ms}");
        }
        assert_eq!(read("2026-11-20 15:00:30 UTC").unwrap(), read("2026-11-20T15:00:30Z").unwrap());
        assert!(read("2026-11-20 15:00 XYZ").unwrap_err().contains("\"XYZ\" is not known; leave it away"));
    }

    #[test]
    fn ages_say_what_is_known() {
        let today = day("2026-11-22");
        let age = |s: &str| PartialDate::parse(s, today).unwrap().age(today);
        assert_eq!(age("2023-11-01"), "3 y");
        assert_eq!(age("2025-09-22"), "1 y 2 mo");
        assert_eq!(age("2026-03-01"), "8 mo");
        assert_eq!(age("2026-11-17"), "5 d");
        assert_eq!(age("2026-10-25"), "4 wk");
        assert_eq!(age("2020"), "~6 y");
        assert_eq!(age("2027-02-01"), "unborn");
    }

    #[test]
    fn spans_in_days() {
        assert_eq!(parse_span_days("60d"), Ok(60));
        assert_eq!(parse_span_days("2y"), Ok(731));
        assert_eq!(parse_span_days("7"), Ok(7));
        assert!(parse_span_days("x").is_err());
        assert!(parse_span_days("").is_err());
    }
}
