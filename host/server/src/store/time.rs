//! Times as text: RFC 3339, UTC, always three digits of a second, so that text compares like time.

use jiff::Timestamp;

/// How a time is stored and answered.
pub fn text(time: Timestamp) -> String {
    format!("{time:.3}")
}

/// This moment.
pub fn now() -> String {
    text(Timestamp::now())
}

/// This moment and some seconds.
pub fn in_seconds(seconds: i64) -> String {
    text(Timestamp::now() + jiff::SignedDuration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_a_fixed_width() {
        let whole: Timestamp = "2026-01-02T03:04:05Z".parse().unwrap();
        assert_eq!(text(whole), "2026-01-02T03:04:05.000Z");
        assert_eq!(now().len(), 24);
    }
}
