//! The pipeline stage by stage: one blueprint, painted twice.
//!
//! `cargo run --release -p atelier --example poster -- CHECKPOINT_FOLDER "A poster that says 'OPEN'"`

use std::error::Error;
use std::ops::ControlFlow;
use std::sync::Arc;

use atelier::{DeviceChoice, Event, PaintOptions, Pipeline, RgbImage, Run, Sources, device};
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
    let mut run = Run::observed(|event| {
        if let Event::Step { step, steps, .. } = event {
            eprint!("\rstep {step} of {steps}");
        }
        ControlFlow::Continue(())
    });

    let request = pipeline.request(prompt);
    let sources = Sources::default();
    let blueprint = pipeline.architect(prompt, &request.architect_options(0), &sources, &mut run).await?;
    eprintln!("blueprint: {} rows, {} columns", blueprint.large.rows, blueprint.large.columns);

    for seed in [1, 2] {
        let options = PaintOptions { steps: 20, seed, ..request.paint_options(0) };
        let latents = pipeline.paint(&blueprint, &options, &sources, &mut run).await?;
        let name = format!("poster-{seed}.ppm");
        write_ppm(&name, &pipeline.decode(&latents, &mut run).await?)?;
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
