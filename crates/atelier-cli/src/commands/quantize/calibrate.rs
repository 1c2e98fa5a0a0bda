//! `atelier quantize --calibrate`: draws some prompts and measures what goes into every matrix.

use std::path::Path;

use atelier::calibration::Calibration;
use atelier::{Event, Request, Run};
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
    let each = Request { steps: STEPS, ..session.request("") };
    let requests: Vec<Request> =
        prompts.iter().map(|&prompt| Request { prompts: vec![prompt.to_owned()], ..each.clone() }).collect();
    for request in &requests {
        session.check(request)?;
    }
    let mut counter = Counter::plain(style, "calibrate", (requests.len() * (STEPS + 1)) as u64);
    let mut run = Run::observed(|event: &Event| {
        if matches!(event, Event::Blueprint { .. } | Event::Step { .. }) {
            counter.add(1);
        }
        guard::flow()
    });
    for request in &requests {
        session.generate(request, &mut run).await?;
    }
    drop(run);
    Ok(calibration)
}
