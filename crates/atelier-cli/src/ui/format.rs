//! Amounts and names as a person reads them.

use atelier::Stage;

/// The stage as a person calls it.
pub fn stage_name(stage: Stage) -> &'static str {
    match stage {
        Stage::Sources => "source reader",
        Stage::Architect => "architect",
        Stage::Painter => "painter",
        Stage::Decoder => "decoder",
    }
}

/// A number of things.
pub fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// Bytes with a decimal unit.
pub fn size(bytes: u64) -> String {
    match bytes as f64 {
        bytes if bytes >= 1e9 => format!("{} GB", number(bytes / 1e9)),
        bytes if bytes >= 1e6 => format!("{} MB", number(bytes / 1e6)),
        bytes => format!("{} kB", number(bytes / 1e3)),
    }
}

/// Floating-point operations a second.
pub fn rate(operations: f64) -> String {
    match operations / 1e12 {
        tera if tera >= 0.1 => format!("{tera:.2} TFLOP/s"),
        tera => format!("{:.1} GFLOP/s", 1e3 * tera),
    }
}

/// Seconds as a person says them.
pub fn duration(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    match whole {
        0 if seconds < 0.0995 => format!("{:.0} ms", seconds * 1e3),
        0..60 => format!("{} s", number(seconds)),
        60..3600 => format!("{} min {} s", whole / 60, whole % 60),
        _ => format!("{} h {} min", whole / 3600, whole / 60 % 60),
    }
}

/// Two or three digits that matter.
pub fn number(value: f64) -> String {
    match value {
        value if value >= 9.95 => format!("{value:.0}"),
        value if value >= 0.995 => format!("{value:.1}"),
        value => format!("{value:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        assert_eq!([0.004, 0.5, 1.26, 12.4].map(number), ["0.00", "0.50", "1.3", "12"]);
        assert_eq!([0.0124, 3.0, 61.0, 3720.0].map(duration), ["12 ms", "3.0 s", "1 min 1 s", "1 h 2 min"]);
        assert_eq!([900, 2_500_000, 18_000_000_000].map(size), ["0.90 kB", "2.5 MB", "18 GB"]);
    }
}
