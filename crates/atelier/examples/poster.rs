//! One blueprint, painted twice.
//!
//! `cargo run --release -p atelier --example poster -- CHECKPOINT_FOLDER "A poster that says 'OPEN'"`

use std::error::Error;
use std::ops::ControlFlow;
use std::sync::Arc;

use atelier::{DeviceChoice, Event, Observer, Pipeline, Request, RgbImage, device};
use atelier_weights::FolderSource;
use futures_lite::future::block_on;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(model), Some(prompt)) = (arguments.next(), arguments.next()) else {
        return Err("usage: poster CHECKPOINT_FOLDER PROMPT".into());
    };
    block_on(poster(&model, &prompt))
}

async fn poster(model: &str, prompt: &str) -> Result<(), Box<dyn Error>> {
    let (device, report) = device::open(&DeviceChoice::Auto).await?;
    eprintln!("device: {report}");
    let mut pipeline = Pipeline::load(Arc::new(FolderSource::open(model)?), device).await?;

    // A run can be watched, and stopped by returning `Break`.
    let mut observer = Observer::new(|event| {
        if let Event::Step { step, steps, .. } = event {
            eprint!("\rstep {step} of {steps}");
        }
        ControlFlow::Continue(())
    });

    let request = Request { steps: Some(20), seed: Some(1), images_per_prompt: 2, ..Request::new([prompt]) };
    let mut run = pipeline.prepare(&request, None)?;
    while let Some((_, blueprint)) = run.next_blueprint(&mut observer).await? {
        eprintln!("blueprint: {} rows, {} columns", blueprint.large.rows, blueprint.large.columns);
    }
    while let Some(picture) = run.next_picture(&mut observer).await? {
        let name = format!("poster-{}.ppm", picture.options.seed);
        write_ppm(&name, &picture.image)?;
        eprintln!("\n{name}");
    }
    Ok(())
}

/// The plainest picture file there is; the program writes PNG.
#[expect(clippy::disallowed_methods, reason = "the model crate touches no files; its callers do")]
fn write_ppm(name: &str, image: &RgbImage) -> std::io::Result<()> {
    let header = format!("P6 {} {} 255\n", image.width, image.height);
    std::fs::write(name, [header.as_bytes(), &image.pixels].concat())
}
