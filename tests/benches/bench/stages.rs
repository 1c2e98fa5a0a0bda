//! Wall time and peak memory of every stage of an image-to-image run.

use std::cell::RefCell;
use std::ops::ControlFlow;
use std::time::Instant;

use atelier::{Device, Event, Observer, Pipeline, Request, RgbImage, Stage};
use atelier_tests::{block_on, tiny_random};

use crate::{median, memory};

const SIDE: usize = 256;
const STEPS: usize = 8;
/// The stages in order, as the table names them.
const OPEN: &str = "open checkpoint";
const LOAD_SOURCES: &str = "load source encoders";
const SOURCES: &str = "source image (256 x 256)";
const LOAD_ARCHITECT: &str = "load architect";
const PROMPT: &str = "architect: prompt and first token";
const TOKEN: &str = "architect: each further token";
const LOAD_PAINTER: &str = "load painter";
const FIRST_STEP: &str = "painter: conditions and first step";
const STEP: &str = "painter: each further step";
const LOAD_DECODER: &str = "load decoder";
const DECODE: &str = "decode";

/// Prints the table.
pub fn bench(device: &Device, runs: usize) {
    let clock = RefCell::new(Clock::start());
    for _ in 0..runs {
        block_on(one_run(device, &clock)).expect("the tiny checkpoint makes a picture");
    }
    println!("{SIDE} x {SIDE} pixels, one source image, {STEPS} steps with guidance, {runs} runs");
    println!("peak memory is that of the whole program (resident set) during the stage\n");
    println!("{:<36} {:>6} {:>12} {:>12}", "stage", "times", "median ms", "peak MiB");
    for Row { stage, seconds, peak } in &clock.borrow().rows {
        let peak = peak.map_or("n/a".to_owned(), |bytes| format!("{:.1}", bytes as f64 / f64::from(1 << 20)));
        println!("{stage:<36} {:>6} {:>12.3} {peak:>12}", seconds.len(), 1e3 * median(seconds));
    }
}

async fn one_run(device: &Device, clock: &RefCell<Clock>) -> atelier::Result<()> {
    let lap = |stage| clock.borrow_mut().lap(stage);
    let mut observer = Observer::new(|event| {
        // The last event of loading, and the others, each end a stage.
        match *event {
            Event::Load { stage, bytes, total } if bytes == total => lap(match stage {
                Stage::Sources => LOAD_SOURCES,
                Stage::Architect => LOAD_ARCHITECT,
                Stage::Painter => LOAD_PAINTER,
                Stage::Decoder => LOAD_DECODER,
            }),
            Event::BlueprintToken { token, .. } => lap(if token == 1 { PROMPT } else { TOKEN }),
            Event::Step { step, .. } => lap(if step == 1 { FIRST_STEP } else { STEP }),
            Event::Decode { .. } => lap(DECODE),
            _ => {}
        }
        ControlFlow::Continue(())
    });
    clock.borrow_mut().reset();
    let mut pipeline = Pipeline::load(tiny_random(), device.clone()).await?;
    lap(OPEN);
    let request = Request {
        sources: vec![source_image()?],
        width: Some(SIDE),
        height: Some(SIDE),
        steps: Some(STEPS),
        ..Request::new(["A poster that says 'OPEN STUDIO'"])
    };
    let mut run = pipeline.prepare(&request, None)?;
    clock.borrow_mut().reset();
    run.read_sources(&mut observer).await?;
    lap(SOURCES);
    while run.next_blueprint(&mut observer).await?.is_some() {}
    clock.borrow_mut().reset();
    run.execute(&mut observer).await?;
    Ok(())
}

/// Some picture.
fn source_image() -> atelier::Result<RgbImage> {
    let pixels = (0..SIDE * SIDE).flat_map(|i| [(i % SIDE) as u8, (i / SIDE) as u8, 128]).collect();
    RgbImage::new(SIDE, SIDE, pixels)
}

/// Cuts a run into stages.
struct Clock {
    since: Instant,
    rows: Vec<Row>,
}

/// One stage, over all runs.
struct Row {
    stage: &'static str,
    seconds: Vec<f64>,
    peak: Option<u64>,
}

impl Clock {
    fn start() -> Self {
        Self { since: Instant::now(), rows: Vec::new() }
    }

    /// A stage begins now.
    fn reset(&mut self) {
        memory::reset_peak();
        self.since = Instant::now();
    }

    /// A stage ends, and the next begins.
    fn lap(&mut self, stage: &'static str) {
        let seconds = self.since.elapsed().as_secs_f64();
        let peak = memory::peak();
        match self.rows.iter_mut().find(|row| row.stage == stage) {
            Some(row) => {
                row.seconds.push(seconds);
                row.peak = row.peak.max(peak);
            }
            None => self.rows.push(Row { stage, seconds: vec![seconds], peak }),
        }
        self.reset();
    }
}
