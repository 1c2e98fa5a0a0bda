//! `atelier quantize --calibrate`: draws some prompts and measures what goes into every matrix.

use std::path::Path;

use atelier::calibration::Calibration;
use atelier::{Event, Observer, Prompt, Request};
use atelier_weights::hex;
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::guard;
use crate::io::files;
use crate::model::Model;
use crate::session::{Session, Target};
use crate::ui::counter::Counter;
use crate::ui::style::Style;

/// The longest file of prompts that is read.
const MAX_PROMPTS: u64 = 1 << 20;
/// Steps of the painter: enough to see every kind of noise.
const STEPS: usize = 8;

/// The identity of a file of prompts.
pub fn fingerprint(path: &Path) -> Result<String> {
    Ok(hex(&Sha256::digest(files::read_text(path, MAX_PROMPTS)?)))
}

/// Draws every prompt of a file, one a line.
pub async fn measure(model: &Model, path: &Path, style: Style) -> Result<Calibration> {
    let text = files::read_text(path, MAX_PROMPTS)?;
    let prompts: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    if prompts.is_empty() {
        return Err(Error::input(path, "expected one prompt a line, found none"));
    }
    let mut session = Session::open(model.clone(), &Target::CPU).await?;
    let calibration = session.calibrate();
    // Each as if alone.
    let each = prompts.iter().map(|&prompt| Prompt { seed: Some(0), ..prompt.into() });
    let request = Request { steps: Some(STEPS), batch_padding: false, ..Request::new(each) };
    let mut run = session.prepare(&request)?;
    let mut counter = Counter::plain(style, "calibrate", (run.images() * (STEPS + 1)) as u64);
    let mut observer = Observer::new(|event: &Event| {
        if matches!(event, Event::Blueprint { .. } | Event::Step { .. }) {
            counter.add(1);
        }
        guard::flow()
    })
    .stopping(guard::interrupted);
    while run.next_picture(&mut observer).await?.is_some() {}
    drop(observer);
    Ok(calibration)
}
