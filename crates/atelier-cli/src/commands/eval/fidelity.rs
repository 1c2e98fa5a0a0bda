//! `atelier eval fidelity`: what packing costs a model, on the same tokens and the same noise.

use atelier::image::RgbImage;
use atelier::{Blueprint, Event, Observer, Request, Start};
use futures_lite::future::block_on;
use serde::Serialize;

use super::prompts::{self, Prompt};
use crate::args::EvalFidelityArgs;
use crate::error::{Error, Result};
use crate::guard;
use crate::model::Model;
use crate::session::{Session, Target};
use crate::ui::counter::Counter;
use crate::ui::stdout;
use crate::ui::style::{Style, say};

/// How far a model is from another, over all prompts.
#[derive(Debug, Clone, Serialize)]
struct Fidelity {
    prompts: usize,
    tokens: usize,
    /// Share of the tokens whose most likely code is the same.
    agreement: f64,
    /// Mean Kullback-Leibler divergence of the distribution of a token from the original's, in nats.
    divergence: f64,
    /// Peak signal to noise ratio of the pictures, in decibels: their mean, and the worst.
    psnr: f64,
    worst_psnr: f64,
}

/// Runs the command.
pub fn run(args: &EvalFidelityArgs) -> Result<()> {
    let prompts = prompts::selected(&args.prompts, args.only.as_ref())?;
    let found = block_on(compare(args, &prompts))?;
    if args.json {
        let json = serde_json::to_string(&found).map_err(|error| Error::Crash(error.to_string()))?;
        return stdout::line(&json);
    }
    let Fidelity { prompts, tokens, agreement, divergence, psnr, worst_psnr } = found;
    stdout::line(&format!(
        "{prompts} prompts, {tokens} tokens\ntop token agrees       {:.2} %\ndivergence per token      {divergence:.6} \
         nats\npictures                  {psnr:.1} dB, the worst {worst_psnr:.1} dB",
        100.0 * agreement
    ))
}

/// What a model makes of the prompts.
struct Made {
    /// Of every prompt `[tokens, codes]`.
    logits: Vec<Vec<f32>>,
    codes: usize,
    pictures: Vec<RgbImage>,
}

async fn compare(args: &EvalFidelityArgs, prompts: &[Prompt]) -> Result<Fidelity> {
    let style = Style::of(args.json, args.quiet);
    let packed = Model::choose(args.device.model.as_ref(), None);
    let target = Target::of(&args.device)?;
    let mut original = Session::open(args.against.clone(), &target).await?;
    let mut pack = Session::open(packed.clone(), &target).await?;
    let (expected, found) = (original.checkpoint().fingerprint(), pack.checkpoint());
    // A checkpoint is always true to itself.
    if !found.is_pack() || !found.accepts(expected) {
        let source = found.manifest().map_or("no pack", |manifest| &manifest.source);
        let expected = format!("a pack of {}, {expected}", args.against);
        return Err(Error::flag("--model", expected, format!("{packed}: {source}")));
    }
    // Each as if alone.
    let prompt = |prompt: &Prompt| atelier::Prompt { seed: Some(args.seed), ..prompt.text.clone().into() };
    let written = Request { steps: args.steps, ..Request::new(prompts.iter().map(prompt)) };
    let written = Request { batch_padding: false, ..written };
    // Before the work begins: each must have room.
    pack.prepare(&written)?;
    let mut run = original.prepare(&written)?;
    let steps = run.settings().steps;
    if style != Style::Silent {
        if let Some(warning) = pack.warning() {
            say(&format!("warning: {warning}"));
        }
        let (pack, original) = (packed.title(), args.against.title());
        say(&format!("{pack} against {original}, {steps} steps, seed {}", args.seed));
    }
    let mut counter = Counter::plain(style, "compare", 2 * (steps as u64 + 3) * prompts.len() as u64);
    let mut observer = Observer::new(|event: &Event| {
        if matches!(event, Event::Blueprint { .. } | Event::Step { .. } | Event::Decode { .. }) {
            counter.add(1);
        }
        guard::flow()
    })
    .stopping(guard::interrupted);
    let mut blueprints = Vec::with_capacity(prompts.len());
    while let Some((_, blueprint)) = run.next_blueprint(&mut observer).await? {
        blueprints.push(Blueprint::clone(&blueprint));
    }
    let painted = Request { steps: Some(steps), batch_padding: false, ..Request::of_blueprints(blueprints) };
    let expected = make(&mut original, &painted, &mut observer).await?;
    original.release();
    let found = make(&mut pack, &painted, &mut observer).await?;
    measure(&expected, &found)
}

/// A stage at a time, so that each is loaded once.
async fn make(session: &mut Session, request: &Request, observer: &mut Observer<'_>) -> Result<Made> {
    let mut made = Made { logits: vec![], codes: 0, pictures: vec![] };
    if let Start::Blueprints(blueprints) = &request.start {
        for blueprint in blueprints {
            let (logits, codes) = session.blueprint_logits(blueprint, observer).await?;
            made.logits.push(logits);
            made.codes = codes;
        }
    }
    let mut run = session.prepare(request)?;
    run.in_groups_of(usize::MAX);
    let pictures = run.execute(observer).await?;
    made.pictures = pictures.into_iter().map(|picture| picture.image).collect();
    Ok(made)
}

fn measure(expected: &Made, found: &Made) -> Result<Fidelity> {
    let codes = expected.codes.max(1);
    let (mut tokens, mut same, mut divergence) = (0_usize, 0_usize, 0.0);
    for (expected, found) in expected.logits.iter().zip(&found.logits) {
        for (expected, found) in expected.chunks_exact(codes).zip(found.chunks_exact(codes)) {
            tokens += 1;
            same += usize::from(argmax(expected) == argmax(found));
            divergence += divergence_of(expected, found);
        }
    }
    let psnr: Vec<f64> = expected.pictures.iter().zip(&found.pictures).map(|(a, b)| psnr(a, b)).collect();
    let count = tokens.max(1) as f64;
    Ok(Fidelity {
        prompts: psnr.len(),
        tokens,
        agreement: same as f64 / count,
        divergence: divergence / count,
        psnr: psnr.iter().sum::<f64>() / psnr.len().max(1) as f64,
        worst_psnr: psnr.iter().copied().fold(f64::INFINITY, f64::min),
    })
}

fn argmax(logits: &[f32]) -> Option<usize> {
    let by_value = |a: &(usize, &f32), b: &(usize, &f32)| a.1.total_cmp(b.1).then(b.0.cmp(&a.0));
    logits.iter().enumerate().max_by(by_value).map(|(id, _)| id)
}

/// `Σ p·(ln p - ln q)` at temperature 1.
fn divergence_of(expected: &[f32], found: &[f32]) -> f64 {
    let log_sum_exp = |logits: &[f32]| {
        let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        f64::from(most) + logits.iter().map(|&x| f64::from(x - most).exp()).sum::<f64>().ln()
    };
    let (of_p, of_q) = (log_sum_exp(expected), log_sum_exp(found));
    let term = |(&p, &q): (&f32, &f32)| {
        let (p, q) = (f64::from(p) - of_p, f64::from(q) - of_q);
        p.exp() * (p - q)
    };
    expected.iter().zip(found).map(term).sum()
}

/// Peak signal-to-noise ratio; equal pictures count as if they differed by half a level.
fn psnr(a: &RgbImage, b: &RgbImage) -> f64 {
    let square = |(&a, &b): (&u8, &u8)| f64::from(a.abs_diff(b)).powi(2);
    let sum: f64 = a.pixels.iter().zip(&b.pixels).map(square).sum();
    let mean = (sum / a.pixels.len().max(1) as f64).max(0.25);
    10.0 * (255.0 * 255.0 / mean).log10()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_models_are_not_apart() {
        let picture = RgbImage::new(1, 1, vec![1, 2, 3]).unwrap();
        let made = Made { logits: vec![vec![0.5, -1.0, 2.0, 0.0]], codes: 2, pictures: vec![picture] };
        let found = measure(&made, &made).unwrap();
        assert_eq!((found.tokens, found.agreement, found.divergence), (2, 1.0, 0.0));
        assert!(found.psnr > 54.0);
    }

    #[test]
    fn divergence_and_psnr_are_what_they_are_called() {
        // p = (1/2, 1/2), q = (1/4, 3/4).
        let found = divergence_of(&[0.0, 0.0], &[0.0, 3_f32.ln()]);
        assert!((found - 0.5 * (2_f64.ln() + (2.0 / 3.0_f64).ln())).abs() < 1e-6, "{found}");
        let flat = |level| RgbImage::new(1, 1, vec![level; 3]).unwrap();
        assert!((psnr(&flat(10), &flat(20)) - 28.13).abs() < 0.01);
    }
}
