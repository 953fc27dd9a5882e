//! Durations, sizes, ranges and percentages as people write them in the configuration.
//!
//! Every reader is total: it gives the value, or one short sentence on what is wrong with the text. Nothing is rounded:
//! what cannot be held exactly is refused.
//!
//! Limits that depend on the key (`interval` of at least a second) are not known here.

use std::ops::RangeInclusive;
use std::time::Duration;

/// Milliseconds per unit; `d` is 86 400 s and `w` seven of them, whatever the calendar says.
const UNITS: [(&str, u64); 6] = [
    ("ms", 1),
    ("s", 1_000),
    ("m", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
    ("w", 604_800_000),
];

/// Longer is a slip of the pen: ten years.
const MAX_DURATION_MS: u64 = 3_650 * 86_400_000;

/// `800ms`, `30s`, `1m30s`, `30d`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    if text.is_empty() {
        return Err("it is empty".to_owned());
    }
    let mut rest = text;
    let mut total: u64 = 0;
    let mut last_unit = u64::MAX;
    while !rest.is_empty() {
        let digits = rest.find(|each: char| !each.is_ascii_digit()).unwrap_or(rest.len());
        if digits == 0 {
            return Err(match rest.chars().next() {
                Some('-') => "it is negative".to_owned(),
                Some('.' | ',') => "it has a fraction".to_owned(),
                Some(' ' | '\t') => "it has a blank in it".to_owned(),
                _ => format!("`{rest}` does not start with a number"),
            });
        }
        let number: u64 = rest[..digits].parse().map_err(|_| "it is too long".to_owned())?;
        rest = &rest[digits..];
        let letters = rest.find(|each: char| !each.is_alphabetic()).unwrap_or(rest.len());
        let unit = &rest[..letters];
        rest = &rest[letters..];
        let millis = unit_millis(unit, rest)?;
        if millis >= last_unit {
            return Err("its units are not in falling order".to_owned());
        }
        last_unit = millis;
        total = number
            .checked_mul(millis)
            .and_then(|part| total.checked_add(part))
            .filter(|sum| *sum <= MAX_DURATION_MS)
            .ok_or_else(|| "it is longer than ten years".to_owned())?;
    }
    Ok(Duration::from_millis(total))
}

fn unit_millis(unit: &str, rest: &str) -> Result<u64, String> {
    if let Some((_, millis)) = UNITS.iter().find(|(name, _)| *name == unit) {
        return Ok(*millis);
    }
    Err(match rest.chars().next() {
        _ if !unit.is_empty() => format!("unknown unit `{unit}`"),
        Some('.' | ',') => "it has a fraction".to_owned(),
        Some(' ' | '\t') => "it has a blank in it".to_owned(),
        _ => "the unit is missing".to_owned(),
    })
}

/// What the author probably meant by a text that is not a duration, as a duration.
pub(super) fn duration_guess(text: &str) -> Option<String> {
    let lower = text.trim().to_ascii_lowercase().replace(' ', "");
    if !lower.is_empty() && lower.chars().all(|each| each.is_ascii_digit()) {
        let seconds = format!("{lower}s");
        return duration(&seconds).ok().map(|_| seconds);
    }
    let at = lower.find(|each: char| !each.is_ascii_digit() && each != '.')?;
    let (number, unit) = lower.split_at(at);
    let unit = match unit {
        "ms" | "msec" | "millis" | "milliseconds" | "millisecond" => "ms",
        "s" | "sec" | "secs" | "second" | "seconds" => "s",
        "m" | "min" | "mins" | "minute" | "minutes" => "m",
        "h" | "hr" | "hrs" | "hour" | "hours" => "h",
        "d" | "day" | "days" => "d",
        "w" | "week" | "weeks" => "w",
        _ => return None,
    };
    let whole = if let Some((whole, fraction)) = number.split_once('.') {
        let millis = UNITS.iter().find(|(name, _)| *name == unit).map(|(_, millis)| *millis)?;
        let digits = u32::try_from(fraction.len()).ok().filter(|digits| *digits <= 6)?;
        let scale = 10_u64.pow(digits);
        let part = fraction.parse::<u64>().ok()?.checked_mul(millis)? / scale;
        let total = whole.parse::<u64>().ok()?.checked_mul(millis)?.checked_add(part)?;
        match total % 1_000 {
            0 => crate::model::human_duration(Duration::from_millis(total)),
            _ => format!("{total}ms"),
        }
    } else {
        format!("{number}{unit}")
    };
    duration(&whole).ok().map(|_| whole)
}

/// `512`, `64KiB`, `1MiB`, `1GiB`, in bytes.
pub(super) fn size(text: &str) -> Result<u64, String> {
    let digits = text.find(|each: char| !each.is_ascii_digit()).unwrap_or(text.len());
    let number: u64 =
        text[..digits].parse().map_err(|_| "it does not start with a whole number".to_owned())?;
    let factor: u64 = match &text[digits..] {
        "" | "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        unit => return Err(format!("unknown unit `{unit}`")),
    };
    number.checked_mul(factor).ok_or_else(|| "it is too large".to_owned())
}

/// `1..4`, `3..`, `..4` or `2`, both ends included.
pub(super) fn count_range(text: &str) -> Result<RangeInclusive<u32>, String> {
    range(text, u32::MAX, |part| {
        part.parse().map_err(|_| format!("`{part}` is not a whole number"))
    })
}

/// `30s..1h`, `30s..`, `..1h` or `5m`, in whole seconds, both ends included.
pub(super) fn seconds_range(text: &str) -> Result<RangeInclusive<u32>, String> {
    range(text, u32::MAX, |part| {
        let span = duration(part).map_err(|said| format!("`{part}` is not a duration: {said}"))?;
        if span.subsec_millis() != 0 {
            return Err(format!("`{part}` is not a whole number of seconds"));
        }
        u32::try_from(span.as_secs()).map_err(|_| format!("`{part}` is too long"))
    })
}

fn range(
    text: &str,
    most: u32,
    read: impl Fn(&str) -> Result<u32, String>,
) -> Result<RangeInclusive<u32>, String> {
    let (from, to) = match text.split_once("..") {
        None => {
            let exact = read(text.trim())?;
            return Ok(exact..=exact);
        }
        Some(("", "")) => return Err("both ends are missing".to_owned()),
        Some(ends) => ends,
    };
    let to = to.strip_prefix('=').unwrap_or(to).trim();
    let from = if from.trim().is_empty() { 0 } else { read(from.trim())? };
    let to = if to.is_empty() { most } else { read(to)? };
    if from > to {
        return Err(format!("it starts at {from} and ends before, at {to}"));
    }
    Ok(from..=to)
}

/// A number as a person writes it (`99.95`), times 10^`decimals`; exact, so that more decimals are an error.
pub(super) fn decimal(text: &str, decimals: usize) -> Result<u64, String> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let plain = |part: &str| part.chars().all(|each| each.is_ascii_digit());
    if whole.is_empty() || !plain(whole) || !plain(fraction) {
        return Err("it is not a plain number".to_owned());
    }
    let fraction = fraction.trim_end_matches('0');
    if fraction.len() > decimals {
        return Err(format!("it has more than {decimals} decimals"));
    }
    let digits = format!("{whole}{fraction:0<decimals$}");
    digits.parse().map_err(|_| "it is too large".to_owned())
}

/// A percentage (`99.95`) as exact parts per 10^9.
pub(super) fn percent_parts(text: &str) -> Result<u64, String> {
    decimal(text, 7)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_exactly() {
        let read = |text| duration(text).map(|span| span.as_millis());
        assert_eq!(read("800ms"), Ok(800));
        assert_eq!(read("30s"), Ok(30_000));
        assert_eq!(read("1m30s"), Ok(90_000));
        assert_eq!(read("30d"), Ok(2_592_000_000));
        assert_eq!(read("4w"), Ok(2_419_200_000));
        assert_eq!(read("0s"), Ok(0));
    }

    #[test]
    fn what_is_not_a_duration_says_why() {
        let said = |text| duration(text).unwrap_err();
        assert_eq!(said(""), "it is empty");
        assert_eq!(said("30"), "the unit is missing");
        assert_eq!(said("30 s"), "it has a blank in it");
        assert_eq!(said("1.5s"), "it has a fraction");
        assert_eq!(said("30x"), "unknown unit `x`");
        assert_eq!(said("-5s"), "it is negative");
        assert_eq!(said("s"), "`s` does not start with a number");
        assert_eq!(said("5s1m"), "its units are not in falling order");
        assert_eq!(said("4000d"), "it is longer than ten years");
        assert_eq!(said("99999999999999999999s"), "it is too long");
    }

    #[test]
    fn a_duration_that_was_meant_is_guessed() {
        assert_eq!(duration_guess("30 sec").as_deref(), Some("30s"));
        assert_eq!(duration_guess("1.5s").as_deref(), Some("1500ms"));
        assert_eq!(duration_guess("0.5s").as_deref(), Some("500ms"));
        assert_eq!(duration_guess("1.5h").as_deref(), Some("1h30m"));
        assert_eq!(duration_guess("5 Minutes").as_deref(), Some("5m"));
        assert_eq!(duration_guess("30").as_deref(), Some("30s"));
        assert_eq!(duration_guess("soon"), None);
    }

    #[test]
    fn sizes_are_bytes() {
        assert_eq!(size("1MiB"), Ok(1_048_576));
        assert_eq!(size("512"), Ok(512));
        assert_eq!(size("64KiB"), Ok(65_536));
        assert_eq!(size("1MB"), Err("unknown unit `MB`".to_owned()));
        assert_eq!(size("big"), Err("it does not start with a whole number".to_owned()));
        assert_eq!(size("99999999999GiB"), Err("it is too large".to_owned()));
    }

    #[test]
    fn ranges_include_both_ends() {
        assert_eq!(count_range("1..4"), Ok(1..=4));
        assert_eq!(count_range("2"), Ok(2..=2));
        assert_eq!(count_range("3.."), Ok(3..=u32::MAX));
        assert_eq!(count_range("..4"), Ok(0..=4));
        assert_eq!(count_range("4..1"), Err("it starts at 4 and ends before, at 1".to_owned()));
        assert_eq!(count_range("a..b"), Err("`a` is not a whole number".to_owned()));
        assert_eq!(count_range(".."), Err("both ends are missing".to_owned()));
        assert_eq!(seconds_range("30s..1h"), Ok(30..=3_600));
        assert_eq!(
            seconds_range("500ms..1h"),
            Err("`500ms` is not a whole number of seconds".to_owned())
        );
    }

    #[test]
    fn percentages_are_exact() {
        assert_eq!(percent_parts("99.9"), Ok(999_000_000));
        assert_eq!(percent_parts("99.9999999"), Ok(999_999_999));
        assert_eq!(percent_parts("99.900000000"), Ok(999_000_000));
        assert_eq!(percent_parts("nan"), Err("it is not a plain number".to_owned()));
        assert_eq!(percent_parts("-99.9"), Err("it is not a plain number".to_owned()));
        assert_eq!(percent_parts("99999999999999"), Err("it is too large".to_owned()));
        assert_eq!(percent_parts("99.95"), Ok(999_500_000));
        assert_eq!(percent_parts("99"), Ok(990_000_000));
        assert_eq!(percent_parts("99.99999"), Ok(999_999_900));
        assert_eq!(percent_parts("99.99999999"), Err("it has more than 7 decimals".to_owned()));
        assert_eq!(percent_parts("1e1"), Err("it is not a plain number".to_owned()));
    }
}
