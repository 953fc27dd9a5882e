//! Moments as people and files write them: Unix seconds, or RFC 3339.
//!
//! Decimals are read digit by digit and rounded to the millisecond, half of one up, so that what was written is what is
//! meant. Milliseconds given for seconds are recognised by their size.
//!
//! It knows no "now" and no "yesterday".

use crate::model::Timestamp;

/// The first second after the calendar: the year 10000.
const CALENDAR_ENDS: i64 = 253_402_300_800;

/// `1777593600`, `1777593600.125`, `2026-05-01T00:00:00Z`; or one sentence why that is no moment.
pub(in crate::cli) fn moment(text: &str) -> Result<Timestamp, String> {
    let millis = if text.starts_with(|first: char| first.is_ascii_digit()) && text.contains('-') {
        civil(text)
    } else {
        seconds(text)
    };
    let millis = millis.ok_or_else(|| {
        "expected seconds since 1970 (1777593600.5) or RFC 3339 (2026-05-01T00:00:00Z)".to_owned()
    })?;
    if millis < 0 {
        return Err("it is before 1970".to_owned());
    }
    if millis >= CALENDAR_ENDS * 1_000 {
        return Err("it is beyond the year 9999; seconds are expected, not milliseconds".to_owned());
    }
    Ok(Timestamp::from_millis(millis))
}

fn civil(text: &str) -> Option<i64> {
    let nanos = text.parse::<jiff::Timestamp>().ok()?.as_nanosecond();
    i64::try_from((nanos + 500_000).div_euclid(1_000_000)).ok()
}

/// Milliseconds of decimal seconds.
fn seconds(text: &str) -> Option<i64> {
    if text.contains(['e', 'E']) {
        return exponent(text);
    }
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |digits| (-1, digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let only_digits =
        |part: &str| !part.is_empty() && part.bytes().all(|each| each.is_ascii_digit());
    if !only_digits(whole) || !only_digits(fraction) {
        return None;
    }
    let digit =
        |place: usize| fraction.as_bytes().get(place).map_or(0, |each| i64::from(each - b'0'));
    let part = digit(0) * 100 + digit(1) * 10 + digit(2) + i64::from(digit(3) >= 5);
    // What is too long to be a number is beyond the calendar as well.
    let whole = whole.parse::<i64>().unwrap_or(CALENDAR_ENDS).min(CALENDAR_ENDS);
    Some(sign * (whole * 1_000 + part))
}

/// `1.7775936e9`: nobody writes a time so, but JSON may.
fn exponent(text: &str) -> Option<i64> {
    let seconds = text.parse::<f64>().ok().filter(|seconds| seconds.is_finite())?;
    #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
    let limit = CALENDAR_ENDS as f64;
    #[expect(clippy::cast_possible_truncation, reason = "clamped to the calendar")]
    let millis = (seconds.clamp(-1.0, limit) * 1e3).round() as i64;
    Some(millis)
}

#[cfg(test)]
mod tests {
    use super::moment;

    fn millis(text: &str) -> Result<i64, String> {
        moment(text).map(crate::model::Timestamp::as_millis)
    }

    #[test]
    fn decimals_are_exact_to_the_millisecond() {
        assert_eq!(millis("1777593600"), Ok(1_777_593_600_000));
        assert_eq!(millis("1777593600.001"), Ok(1_777_593_600_001));
        assert_eq!(millis("1777593600.1"), Ok(1_777_593_600_100));
        assert_eq!(millis("1777593600.0004999"), Ok(1_777_593_600_000));
        assert_eq!(millis("1777593600.1229999"), Ok(1_777_593_600_123));
        assert_eq!(millis("1777593600.9995"), Ok(1_777_593_601_000));
        assert_eq!(millis("1.7775936e9"), Ok(1_777_593_600_000));
    }

    #[test]
    fn civil_time_needs_its_offset() {
        assert_eq!(millis("2026-05-01T00:00:00Z"), Ok(1_777_593_600_000));
        assert_eq!(millis("2026-05-01T02:00:00.25+02:00"), Ok(1_777_593_600_250));
        for text in ["2026-05-01T00:00:00", "2026-05-01", "now", "", ".5", "5.", "1_000", "null"] {
            assert!(millis(text).unwrap_err().starts_with("expected seconds"), "{text}");
        }
    }

    #[test]
    fn slips_are_named() {
        assert_eq!(millis("-1").unwrap_err(), "it is before 1970");
        for text in ["1777593600000", "9999999999999999999999", "1e300"] {
            assert!(millis(text).unwrap_err().ends_with("not milliseconds"), "{text}");
        }
    }
}
