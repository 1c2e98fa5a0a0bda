//! A run on a GPU: what is submitted at a time, counted, and how soon it stops.

use std::cell::Cell;
use std::ops::ControlFlow;
use std::sync::Arc;

use atelier::device::{Tally, tally};
use atelier::{Error, Event, Observer, Pipeline, Request};
use atelier_mini::Mini;
use atelier_shaders::{Features, gpu};
use atelier_tests::{block_on, software_gpu_with};

/// The most kernels of ours in a layer of the architect, and of everything else of a token.
const OF_LAYER: u64 = 10;
const OF_REST: u64 = 6;
/// The same of a block of the painter, for one branch of guidance.
const OF_BLOCK: u64 = 8;
const OF_STEP: u64 = 4;

fn mini(rate: f64) -> Pipeline {
    // One of its own, whose rate is what the test says.
    let device = software_gpu_with(Features::default());
    gpu::pin_rate(&device, rate);
    block_on(Pipeline::load(Arc::new(Mini), device)).unwrap()
}

fn request() -> Request {
    let (width, height) = (Some(128), Some(128));
    let prompts = ["A red sign that says 'A'."];
    Request { width, height, steps: Some(3), guidance: Some(1.5), seed: Some(1), ..Request::new(prompts) }
}

/// What was handed over for each token and each step.
fn tallies(pipeline: &mut Pipeline) -> (Vec<Tally>, Vec<Tally>) {
    let device = pipeline.device().clone();
    let (mut tokens, mut steps) = (Vec::new(), Vec::new());
    let mut observer = Observer::new(|event| {
        let counted = tally(&device);
        match event {
            Event::BlueprintToken { .. } => tokens.push(counted),
            Event::Step { .. } => steps.push(counted),
            _ => {}
        }
        ControlFlow::Continue(())
    });
    block_on(pipeline.prepare(&request(), None).unwrap().execute(&mut observer)).unwrap();
    drop(observer);
    // The first ones are those of a prompt, and of what is prepared for all steps. While the last token is read, there is nothing
    // more to do.
    assert_eq!(tokens.pop().map(|token| token.dispatches), Some(0));
    (tokens.split_off(1), steps.split_off(1))
}

#[test]
fn tokens_and_steps_are_counted_and_submissions_are_bounded() {
    let most = 1e8;
    let mut pipeline = mini(most / gpu::SUBMISSION);
    let config = pipeline.checkpoint().config();
    let layers = config.prior.text_config.num_hidden_layers as u64;
    let blocks = config.transformer.num_layers as u64;
    let (tokens, steps) = tallies(&mut pipeline);
    for token in &tokens {
        assert!((layers..=OF_LAYER * layers + OF_REST).contains(&token.dispatches), "{token:?}");
        // A token is little: it is one submission, for the device to compute while the host reads the one before.
        assert!(token.submissions == 1 && token.largest <= most, "{token:?}");
    }
    for step in &steps {
        println!("a step: {step:?}");
        assert!(step.operations > 4.0 * most, "{step:?}");
        assert!(step.largest <= most, "{step:?}");
        // Pauses come twice as often at most, and dispatches are no finer than they are.
        let least = (step.operations / most) as u64;
        assert!((least..=4 * least + 2).contains(&step.submissions), "{step:?}");
        assert!(step.dispatches >= 2 * blocks, "{step:?}");
    }

    // Nothing is cut where the device is fast, and the kernels are few.
    let (_, steps) = tallies(&mut mini(1e15));
    for step in &steps {
        assert_eq!(step.submissions, 0, "{step:?}");
        assert!((2 * blocks..=2 * (OF_BLOCK * blocks + OF_STEP)).contains(&step.dispatches), "{step:?}");
    }
}

#[test]
fn a_run_stops_in_the_middle_of_a_step() {
    let mut pipeline = mini(1e8 / gpu::SUBMISSION);
    let (steps, asked) = (Cell::new(0), Cell::new(0));
    let on_event = |event: &Event| {
        if let Event::Step { .. } = event {
            steps.set(steps.get() + 1);
            asked.set(0);
        }
        ControlFlow::Continue(())
    };
    let stop = || {
        asked.set(asked.get() + 1);
        steps.get() == 1 && asked.get() == 5
    };
    let mut observer = Observer::new(on_event).stopping(stop);
    let stopped = block_on(pipeline.prepare(&request(), None).unwrap().execute(&mut observer));
    assert!(matches!(stopped, Err(Error::Cancelled)), "{stopped:?}");
    drop(observer);
    assert_eq!((steps.get(), asked.get()), (1, 5));

    // What was begun does no harm to what follows.
    let pictures = block_on(pipeline.prepare(&request(), None).unwrap().execute(&mut Observer::silent()));
    assert_eq!(pictures.unwrap().len(), 1);
}
