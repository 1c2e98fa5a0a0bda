use std::path::Path;

use snapbox::data::DataFormat;
use snapbox::{Assert, Data};

/// Compares `text` with the file `tests/snapshots/NAME` of the package under test, whole.
///
/// With `SNAPSHOTS=overwrite` in the environment the file is written instead; `git diff` then shows what changed.
#[track_caller]
pub fn assert_snapshot(name: &str, text: &str) {
    assert_file(&Path::new("tests/snapshots").join(name), text);
}

/// As [`assert_snapshot`], of a file that is written from Rust; `path` is relative to the root of the repository.
#[track_caller]
pub fn assert_generated(path: &str, text: &str) {
    assert_file(&crate::repository(path), text);
}

#[track_caller]
fn assert_file(path: &Path, text: &str) {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).unwrap();
    }
    // Raw: `[…]` in a help text is not a pattern.
    let expected = Data::read_from(path, Some(DataFormat::Text)).raw();
    Assert::new().action_env("SNAPSHOTS").eq(Data::text(text).raw(), expected);
}

/// A line of JSON in which the values of `fields` are replaced by `#`: times differ from run to run. Of an object the
/// names of its fields stay.
pub fn masked(line: &str, fields: &[&str]) -> String {
    let mut value: serde_json::Value =
        serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    mask(&mut value, fields, false);
    value.to_string()
}

fn mask(value: &mut serde_json::Value, fields: &[&str], inside: bool) {
    match value {
        serde_json::Value::Object(object) => {
            for (name, value) in object {
                mask(value, fields, inside || fields.contains(&name.as_str()));
            }
        }
        _ if inside => *value = "#".into(),
        serde_json::Value::Array(values) => values.iter_mut().for_each(|value| mask(value, fields, false)),
        _ => {}
    }
}
