//! From the words of a file to values: dates, names, cases.

use jiff::{civil, fmt::strtime};

use super::profile::{Case, Name};
use crate::model::{Day, FosterSpell, PartialDate, date::YEARS, text};

/// The form in which values of a file are compared: without case, accents and repeated blanks.
pub(super) fn key(s: &str) -> String {
    // Nearly every value is plain ASCII, and every row has dozens of them.
    if s.bytes().all(|b| (b' '..=b'~').contains(&b)) {
        let mut out = String::with_capacity(s.len());
        for word in s.split_ascii_whitespace() {
            if !out.is_empty() {
                out.push(' ');
            }
            out.extend(word.chars().map(|c| c.to_ascii_lowercase()));
        }
        return out;
    }
    text::fold(&text::clean_line(s))
}

/// Reads yes or no, as files write it.
pub(super) fn yes_or_no(s: &str) -> Result<bool, String> {
    match &*key(s) {
        "yes" | "y" | "true" | "1" => Ok(true),
        "no" | "n" | "false" | "0" => Ok(false),
        _ => Err(format!("\"{s}\" is neither yes nor no")),
    }
}

/// Whether dates can be read by a format.
pub(super) fn check_format(format: &str) -> Result<(), String> {
    let sample = civil::date(2024, 5, 12).at(13, 14, 15, 0).in_tz("UTC").map_err(|e| e.to_string())?;
    let no = |e: &dyn std::fmt::Display| format!("it is no date format ({e}); %Y-%m-%d or %d.%m.%Y would do");
    let written = strtime::format(format, &sample).map_err(|e| no(&e))?;
    let read = strtime::parse(format, &written).map_err(|e| no(&e))?;
    match partial(&read) {
        Some(_) => Ok(()),
        None => Err(no(&"it has no year, or a day without a month")),
    }
}

/// The date in what a format found.
fn partial(found: &strtime::BrokenDownTime) -> Option<PartialDate> {
    if let Ok(date) = found.to_date() {
        return Day::from_date(date).map(PartialDate::Day);
    }
    let year = found.year().filter(|y| YEARS.contains(y))?;
    match (found.month(), found.day()) {
        (Some(month), None) => Some(PartialDate::Month { year, month }),
        (None, None) => Some(PartialDate::Year(year)),
        _ => None,
    }
}

/// Reads a date by formats of which one fits, or several that agree. A time of day after the date is
/// left out, unless the format has one.
///
/// # Errors
/// Why it is no date.
pub(super) fn date(value: &str, formats: &[String]) -> Result<PartialDate, String> {
    let mut found: Option<PartialDate> = None;
    for format in formats {
        let timed = ["%H", "%I", "%T", "%R", "%c", "%s", "%X"].iter().any(|part| format.contains(part));
        let value = if timed { value } else { without_time(value) };
        let Some(date) = strtime::parse(format, value).ok().as_ref().and_then(partial) else { continue };
        match found {
            Some(other) if other != date => {
                return Err(format!("it can be read as {other} and as {date}"));
            }
            _ => found = Some(date),
        }
    }
    found.ok_or_else(|| {
        let formats: Vec<_> = formats.iter().map(|f| format!("\"{f}\"")).collect();
        format!("it is no date of the form {}, or there is no such day", formats.join(" or "))
    })
}

/// `2024-05-12T10:30:00.000` and `5/12/2024 10:30 AM` without the time.
fn without_time(value: &str) -> &str {
    for (at, c) in value.char_indices() {
        let rest = &value[at + c.len_utf8()..];
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        if (c == ' ' || c == 'T') && (1..=2).contains(&digits) && rest[digits..].starts_with(':') {
            return value[..at].trim_end();
        }
    }
    value
}

/// Reads a date that must be known to the day.
///
/// # Errors
/// Why it is no day.
pub(super) fn day(value: &str, formats: &[String]) -> Result<Day, String> {
    match date(value, formats)? {
        PartialDate::Day(day) => Ok(day),
        partial => Err(format!("only {partial} is known, the day is not")),
    }
}

/// Reads times in foster homes: `2024-01-02..2024-02-03; 2024-03-01..`.
///
/// # Errors
/// What cannot be read.
pub(super) fn fosters(value: &str) -> Result<Vec<FosterSpell>, String> {
    let iso = ["%Y-%m-%d".to_owned()];
    let mut spells: Vec<FosterSpell> = Vec::new();
    for part in value.split(';').map(str::trim).filter(|p| !p.is_empty()) {
        let (out, back) = part.split_once("..").ok_or_else(|| format!("\"{part}\" has no \"..\""))?;
        let out = day(out.trim(), &iso)?;
        let back = match back.trim() {
            "" => None,
            back => Some(day(back, &iso)?),
        };
        let after = spells.last().is_none_or(|s| s.back.is_some_and(|before| before <= out));
        if !after || back.is_some_and(|back| back < out) {
            return Err(format!("\"{part}\" is out of order"));
        }
        spells.push(FosterSpell { out, back });
    }
    Ok(spells)
}

/// Writes times in foster homes as [`fosters`] reads them.
pub(super) fn write_fosters(spells: &[FosterSpell]) -> String {
    let one = |s: &FosterSpell| format!("{}..{}", s.out, s.back.map(|b| b.to_string()).unwrap_or_default());
    spells.iter().map(one).collect::<Vec<_>>().join("; ")
}

/// A text in another case.
pub(super) fn cased(s: &str, case: Case) -> String {
    match case {
        Case::AsIs => s.to_owned(),
        Case::Upper => s.to_uppercase(),
        Case::Lower => s.to_lowercase(),
        Case::Title => title(s),
    }
}

/// Each word with a capital letter. A word begins after a blank or a sign other than an apostrophe.
fn title(s: &str) -> String {
    let mut out = String::with_capacity(s.len());
    let mut begins = true;
    for c in s.chars() {
        if begins {
            out.extend(c.to_uppercase());
        } else {
            out.extend(c.to_lowercase());
        }
        begins = !(c.is_alphanumeric() || matches!(c, '\'' | '’' | '`'));
    }
    out
}

/// A name as the profile wants it; empty when the value is no name.
pub(super) fn name(value: &str, rule: &Name, tag: Option<&str>) -> String {
    let is_stripped = |c: char| c.is_whitespace() || rule.strip.contains(&c);
    let mut name = value.trim_matches(is_stripped);
    if rule.drop_tag
        && let Some(tag) = tag
    {
        name = without_tag(name, tag).trim_matches(|c: char| is_stripped(c) || matches!(c, '-' | ':'));
    }
    if rule.none.contains(&key(name)) {
        return String::new();
    }
    cased(name, rule.case)
}

/// A name without the tag before it. A tag also counts without its letters when it has five digits or more.
fn without_tag<'a>(name: &'a str, tag: &str) -> &'a str {
    let digits = tag.trim_start_matches(|c: char| !c.is_ascii_digit());
    let bare = if digits.len() >= 5 { digits } else { tag };
    for tag in [tag, bare] {
        if let Some(head) = name.get(..tag.len())
            && head.eq_ignore_ascii_case(tag)
            && !name[tag.len()..].starts_with(char::is_alphanumeric)
        {
            return &name[tag.len()..];
        }
    }
    name
}

/// A text cut to a number of bytes, at a character.
pub(super) fn cut(s: &mut String, bytes: usize) -> bool {
    if s.len() <= bytes {
        return false;
    }
    let mut at = bytes;
    while !s.is_char_boundary(at) {
        at -= 1;
    }
    s.truncate(at);
    s.truncate(s.trim_end().len());
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn formats(formats: &[&str]) -> Vec<String> {
        formats.iter().map(|s| (*s).to_owned()).collect()
    }

    #[test]
    fn dates_of_many_forms() {
        let read = |value: &str, f: &[&str]| date(value, &formats(f)).map(|d| d.to_string());
        assert_eq!(read("2024-05-12", &["%Y-%m-%d"]).unwrap(), "2024-05-12");
        assert_eq!(read("2024-05-12T00:00:00.000", &["%Y-%m-%d"]).unwrap(), "2024-05-12");
        assert_eq!(read("5/7/2024 10:30:00 AM", &["%m/%d/%Y"]).unwrap(), "2024-05-07");
        assert_eq!(read("12.05.2024", &["%Y-%m-%d", "%d.%m.%Y"]).unwrap(), "2024-05-12");
        assert_eq!(read("12-May-24", &["%d-%b-%y"]).unwrap(), "2024-05-12");
        assert_eq!(read("2024-05", &["%Y-%m-%d", "%Y-%m"]).unwrap(), "2024-05");
        assert_eq!(read("2024", &["%Y-%m-%d", "%Y"]).unwrap(), "2024");
        let both = ["%m/%d/%Y", "%d/%m/%Y"];
        assert_eq!(read("13/04/2024", &both).unwrap(), "2024-04-13");
        assert_eq!(read("04/04/2024", &both).unwrap(), "2024-04-04");
        assert!(read("03/04/2024", &both).unwrap_err().contains("2024-03-04 and as 2024-04-03"));
    }

    #[test]
    fn no_dates() {
        for value in ["", "soon", "2024-02-30", "0203-01-01", "2024-13-01", "24-05-12", "2024-05-12x", "1/1/1", "\0"] {
            assert!(date(value, &formats(&["%Y-%m-%d"])).is_err(), "{value}");
        }
        assert!(day("2024-05", &formats(&["%Y-%m"])).unwrap_err().contains("only 2024-05"));
        assert!(check_format("%d.%m.%Y").is_ok());
        assert!(check_format("%H:%M").is_err());
        assert!(check_format("%Q").is_err());
        assert!(check_format("dd/mm/yyyy").is_err());
    }

    #[test]
    fn keys_of_plain_text_are_those_of_any_text() {
        for s in ["", " A  b ", "DOMESTIC SH", "TORTIE-B\\O", "it's #1 (really)"] {
            assert_eq!(key(s), text::fold(&text::clean_line(s)));
        }
        assert_eq!(key(" Élodie\t  X\0 "), "elodie x");
    }

    #[test]
    fn fosters_read_back() {
        for s in ["", "2024-01-02..", "2024-01-02..2024-02-03; 2024-03-01.."] {
            assert_eq!(write_fosters(&fosters(s).unwrap()), s);
        }
        for s in ["2024-01-02", "2024-02-02..2024-01-01", "2024-01-01..; 2024-02-02..", "x..y"] {
            assert!(fosters(s).is_err(), "{s}");
        }
    }

    #[test]
    fn names() {
        let none = HashSet::from([key("unknown")]);
        let rule = Name { column: 0, strip: vec!['*'], case: Case::Title, none, drop_tag: true };
        let name = |value: &str| name(value, &rule, Some("A638369"));
        assert_eq!(name("*charlien"), "Charlien");
        assert_eq!(name("* stanky"), "Stanky");
        assert_eq!(name("**miricle**"), "Miricle");
        assert_eq!(name("*"), "");
        assert_eq!(name("a638369"), "");
        assert_eq!(name("638369"), "");
        assert_eq!(name("a638369*haygar"), "Haygar");
        assert_eq!(name("*A638369 ivy"), "Ivy");
        assert_eq!(name("6383691"), "6383691");
        assert_eq!(name("Unknown"), "");
        assert_eq!(name("LIL DUDE"), "Lil Dude");
        assert_eq!(name("o'hara (cookie)"), "O'hara (Cookie)");
        assert_eq!(name("élodie"), "Élodie");
    }
}
