//! What a caller of the library can rely on: seeds, limits, cancelling, batches, blueprints as values.

use std::borrow::Cow;
use std::cell::Cell;
use std::cell::RefCell;
use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use atelier::prior::CachePrecision;
use atelier::record::{RecordContext, RunRecord};
use atelier::{
    Blueprint, Error, Event, Field, GridName, Noise, Observer, Pipeline, Prompt, QuoteRule, Request,
    RgbImage, Run, SourceRecord, Stage, Trace, TraceTensor,
};
use atelier_tests::checks::architect::greedy;
use atelier_tests::{block_on, cpu, software_gpu, tiny_random};
use atelier_weights::{ByteSource, FolderSource};
use futures_lite::future::{yield_now, zip};

fn pipeline() -> Pipeline {
    block_on(Pipeline::load(tiny_random(), cpu())).unwrap()
}

/// Small, quick, sampled with the model's own defaults.
fn small(prompt: &str) -> Request {
    Request { width: Some(64), height: Some(32), steps: Some(2), seed: Some(7), ..Request::new([prompt]) }
}

async fn blueprint(pipeline: &mut Pipeline, request: &Request) -> Blueprint {
    let mut run = pipeline.prepare(request, None).unwrap();
    Blueprint::clone(&run.blueprint(0, &mut Observer::silent()).await.unwrap())
}

/// What a request is refused with, before anything is loaded.
async fn refused(pipeline: &mut Pipeline, request: &Request) -> Error {
    pipeline.prepare(request, None).err().unwrap()
}

fn images(pipeline: &mut Pipeline, request: &Request) -> Vec<RgbImage> {
    let pictures = block_on(pipeline.generate(request, &mut Observer::silent())).unwrap();
    pictures.into_iter().map(|picture| picture.image).collect()
}

#[test]
fn a_seed_repeats_and_another_seed_differs() {
    let mut p = pipeline();
    let request = small("a 'red' cat");
    let first = images(&mut p, &request);
    assert_eq!(images(&mut p, &request), first);
    assert_eq!(images(&mut pipeline(), &request), first, "a fresh pipeline");
    assert_ne!(images(&mut p, &Request { seed: Some(8), ..request }), first);
}

#[pollster::test]
async fn a_seed_gives_the_same_blueprint_on_every_device() {
    let mut blueprints = Vec::new();
    for device in [cpu(), software_gpu()] {
        let mut p = Pipeline::load(tiny_random(), device).await.unwrap();
        let request = small("a 'red' cat");
        blueprints.push(blueprint(&mut p, &request).await);
    }
    assert_eq!(blueprints[0], blueprints[1]);
}

#[pollster::test]
async fn a_blueprint_is_complete_whatever_the_temperature() {
    let mut p = pipeline();
    let codes = p.checkpoint().config().prior.vq_config.num_embeddings as u32;
    for seed in 0..3 {
        let (temperature, top_p, top_k) = (Some(50.0), Some(1.0), Some(0));
        let request = Request { temperature, top_p, top_k, seed: Some(seed), ..small("anything") };
        let blueprint = blueprint(&mut p, &request).await;
        let draft = blueprint.draft.as_ref().unwrap();
        // At this temperature the 16 ids beyond the codes would be drawn some 15 times in 244 tokens.
        let ids = draft.ids.iter().chain(&blueprint.large.ids);
        assert_eq!((draft.ids.len(), blueprint.large.ids.len()), (draft.rows * draft.columns, 2));
        assert!(ids.clone().all(|&id| id < codes));
    }
}

#[pollster::test]
async fn images_of_a_prompt_share_a_blueprint_and_differ_in_noise() {
    let mut p = pipeline();
    let request = Request { images_per_prompt: 2, ..small("a cat") };
    let pictures = p.generate(&request, &mut Observer::silent()).await.unwrap();
    assert_eq!(pictures[0].blueprint, pictures[1].blueprint);
    assert_ne!(pictures[0].image, pictures[1].image);
    assert_eq!((pictures[0].options.seed, pictures[1].options.seed), (7, 8));
    // The second alone, from what it notes.
    let second = &pictures[1];
    let again = second.record(&RecordContext::default()).request();
    assert_eq!(images(&mut p, &again)[0], second.image);
}

#[test]
fn prompts_without_batch_padding_are_painted_as_if_alone() {
    let mut p = pipeline();
    let like = |request: Request| {
        let Request { width, height, steps, seed, .. } = small("");
        Request { width, height, steps, seed, ..request }
    };
    let both = like(greedy(["a cat", "a banner that says \"Hello wide world\""]));
    let alone = like(greedy(["a cat"]));
    let expected = images(&mut p, &alone);
    let independent = images(&mut p, &Request { batch_padding: false, ..both.clone() });
    assert_eq!(independent[0], expected[0]);
    let padded = images(&mut p, &both);
    assert_ne!(padded[0], expected[0], "the reference's batches pad the shorter prompt");
    assert_eq!(padded[1], independent[1], "the longest prompt is not padded");
}

#[pollster::test]
async fn a_blueprint_survives_json_and_is_painted_as_before() {
    let mut p = pipeline();
    let request = small("a 'blue' cat");
    let pictures = p.generate(&request, &mut Observer::silent()).await.unwrap();
    let json = serde_json::to_string(&*pictures[0].blueprint).unwrap();
    let blueprint: Blueprint = serde_json::from_str(&json).unwrap();
    assert_eq!(blueprint, *pictures[0].blueprint);
    let again = Request { steps: request.steps, ..Request::of_blueprints([blueprint]) };
    assert_eq!(images(&mut p, &again), [pictures[0].image.clone()]);
}

#[pollster::test]
async fn quotation_marks_are_read_by_the_rule_that_the_blueprint_notes() {
    let mut p = pipeline();
    let typographic = small("It's a sign with ‘OPEN’ and 'Don't stop'");
    let reference = Request { quotes: Some(QuoteRule::Reference), ..typographic.clone() };
    let mut images = Vec::new();
    for (request, texts) in [
        (&typographic, vec!["Don't stop", "OPEN"]),
        (&reference, vec!["s a sign with ‘OPEN’ and ", "t stop"]),
    ] {
        assert_eq!(p.prepare(request, None).unwrap().prompts()[0].quoted, texts);
        let [picture] = &p.generate(request, &mut Observer::silent()).await.unwrap()[..] else {
            panic!("one")
        };
        let record = serde_json::to_string(&picture.record(&RecordContext::default())).unwrap();
        let record: RunRecord = serde_json::from_str(&record).unwrap();
        let again = p.generate(&record.request(), &mut Observer::silent()).await.unwrap();
        assert!(again[0].image == picture.image);
        images.push((picture.blueprint.clone(), picture.image.clone()));
    }
    let [(typographic, read), (reference, scanned)] = &images[..] else { panic!("two") };
    assert_eq!((typographic.quotes, &typographic.large), (QuoteRule::Typographic, &reference.large));
    assert!(read != scanned, "the painter reads other texts");
    // A file that does not say is from before there was a choice, or the rules agree.
    let json = serde_json::to_value(&**reference).unwrap();
    assert_eq!((reference.quotes, json.get("quotes")), (QuoteRule::Reference, None));
    assert_eq!(blueprint(&mut p, &small("a 'cat'")).await.quotes, QuoteRule::Reference);
}

#[pollster::test]
async fn a_blueprint_of_another_model_or_size_is_refused_by_field() {
    let mut p = pipeline();
    let request = small("a cat");
    let good = blueprint(&mut p, &request).await;
    type Tamper = fn(&mut Blueprint);
    let cases: [(&str, Tamper); 8] = [
        ("format", |b| b.format = "atelier-blueprint/9".into()),
        ("model", |b| b.model = "0".repeat(64)),
        ("width", |b| b.width = 65),
        ("large", |b| b.width = 96),
        ("draft", |b| b.draft.as_mut().unwrap().ids.truncate(3)),
        ("large", |b| b.large.ids[1] = 256),
        ("large", |b| (b.large.rows, b.large.columns) = (2, 1)),
        ("sources", |b| b.sources.push(SourceRecord::of(&RgbImage::new(1, 1, vec![0; 3]).unwrap()))),
    ];
    for (field, tamper) in cases {
        let mut bad = good.clone();
        tamper(&mut bad);
        match refused(&mut p, &Request::of_blueprints([bad])).await {
            Error::Blueprint { field: found, .. } => assert_eq!(found, field),
            other => panic!("{field}: {other:?}"),
        }
    }
    // A run that is taken up again has its own prompt and size.
    for other in [small("a dog"), Request { width: Some(96), ..small("a cat") }] {
        let mut run = p.prepare(&other, None).unwrap();
        let error = run.resume([good.clone()]).unwrap_err();
        assert!(matches!(error, Error::Blueprint { field: "prompt" | "width", .. }), "{error}");
    }
}

#[pollster::test]
async fn a_request_out_of_range_is_refused_by_field_before_anything_is_loaded() {
    let mut p = pipeline();
    let good = small("a cat");
    let noise = Noise { shape: vec![1, 16, 4, 4], values: vec![0.0; 256] };
    let wrong = |change: fn(&mut Request)| {
        let mut request = good.clone();
        change(&mut request);
        request
    };
    let cases: Vec<(Field, Request)> = vec![
        (Field::Width, wrong(|r| r.width = Some(100))),
        (Field::Width, wrong(|r| r.width = Some(0))),
        (Field::Height, wrong(|r| r.height = Some(4128))),
        (Field::Steps, wrong(|r| r.steps = Some(0))),
        (Field::Steps, wrong(|r| r.steps = Some(1001))),
        (Field::Guidance, wrong(|r| r.guidance = Some(f32::NAN))),
        (Field::Guidance, wrong(|r| r.guidance = Some(f32::INFINITY))),
        (Field::Guidance, wrong(|r| r.guidance = Some(-1.0))),
        (Field::Temperature, wrong(|r| r.temperature = Some(f32::NAN))),
        (Field::TopP, wrong(|r| r.top_p = Some(0.0))),
        (Field::ImagesPerPrompt, wrong(|r| r.images_per_prompt = 0)),
        (Field::Prompt, Request::default()),
        (Field::Prompt, Request::of_blueprints([])),
        (Field::Prompt, small("  \n")),
        (Field::Prompt, small(&"long ".repeat(4000))),
        (Field::Latents, Request { latents: Some(noise), ..good.clone() }),
    ];
    for (field, request) in cases {
        match refused(&mut p, &request).await {
            Error::Request { field: found, prompt: None, .. } => assert_eq!(found, field),
            other => panic!("{field}: {other:?}"),
        }
    }
}

#[pollster::test]
async fn one_prompt_of_several_is_refused_by_number() {
    let mut p = pipeline();
    let long = "long ".repeat(4000);
    let odd = Prompt { width: Some(65), ..Prompt::from("odd") };
    for (field, prompt) in [(Field::Prompt, "".into()), (Field::Prompt, long.into()), (Field::Width, odd)] {
        match refused(&mut p, &Request::new(["fine".into(), prompt])).await {
            Error::Request { field: found, prompt: Some(1), .. } => assert_eq!(found, field),
            other => panic!("{field}: {other:?}"),
        }
    }
}

#[pollster::test]
async fn source_images_that_cannot_be_used_are_refused_by_number() {
    let mut p = pipeline();
    let image =
        |width: usize, height: usize| RgbImage::new(width, height, vec![9; width * height * 3]).unwrap();
    for (bad, words) in [(image(15, 40), "16"), (image(300, 70), "4")] {
        let request = Request { sources: vec![image(64, 64), bad], ..small("a cat") };
        let error = refused(&mut p, &request).await;
        assert!(matches!(error, Error::SourceImage { index: 1, .. }), "{error}");
        assert!(error.to_string().contains(words), "{error}");
    }
}

/// Two source images, so that theirs are joined; on both devices.
#[pollster::test]
async fn keys_of_source_images_in_16_bits_change_little() {
    let source = |step: usize| {
        RgbImage::new(64, 64, (0..64 * 64 * 3).map(|i| (i * step % 251) as u8).collect()).unwrap()
    };
    for device in [cpu(), software_gpu()] {
        let mut p = Pipeline::load(tiny_random(), device).await.unwrap();
        let sources = vec![source(1), source(7)];
        let written = blueprint(&mut p, &Request { sources: sources.clone(), ..small("again") }).await;
        let request = Request { sources, steps: Some(2), ..Request::of_blueprints([written]) };
        let mut paint = |budget| {
            let mut run = p.prepare(&request, budget).unwrap();
            let painter = run.plan().stages.iter().find(|stage| stage.stage == Stage::Painter).unwrap();
            let cache = painter.cache.unwrap();
            (cache, block_on(run.paint(0, &mut Observer::silent())).unwrap().values)
        };
        let (exact, rounded) = (paint(None), paint(Some(1)));
        assert_eq!((exact.0, rounded.0), (CachePrecision::F32, CachePrecision::F16));
        let off = exact.1.iter().zip(&rounded.1).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(off > 0.0 && off < 2e-3, "latents, which are about 1, are off by {off}");
        assert_eq!(paint(None), exact, "what is kept is of the precision that is planned");
    }
}

#[test]
fn source_images_of_any_size_are_painted_from() {
    let mut p = pipeline();
    for (width, height) in [(50, 70), (1008, 500), (129, 65)] {
        let source =
            RgbImage::new(width, height, (0..width * height * 3).map(|i| (i % 251) as u8).collect()).unwrap();
        let request = Request { sources: vec![source], steps: Some(1), ..small("again") };
        assert_eq!(images(&mut p, &request).len(), 1, "{width}x{height}");
    }
}

#[pollster::test]
async fn cancelling_stops_at_the_very_token_and_step() {
    let mut p = pipeline();
    let request = Request { steps: Some(4), ..small("a cat") };
    let stops: [fn(&Event) -> bool; 4] = [
        |e| matches!(e, Event::Load { .. }),
        |e| matches!(e, Event::BlueprintToken { token: 5, .. }),
        |e| matches!(e, Event::Step { step: 2, .. }),
        |e| matches!(e, Event::Decode { .. }),
    ];
    for stop in stops {
        let mut after = 0;
        let mut stopped = false;
        let mut observer = Observer::new(|event| {
            after += usize::from(stopped);
            stopped |= stop(event);
            if stopped { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        let result = p.generate(&request, &mut observer).await;
        drop(observer);
        assert!(matches!(result, Err(Error::Cancelled)), "{result:?}");
        assert_eq!(after, 0, "nothing is reported after the stop");
    }
    // And the pipeline is as good as new.
    assert_eq!(images(&mut p, &request).len(), 1);
}

#[pollster::test]
async fn events_tell_the_whole_story_in_order() {
    let mut p = pipeline();
    let request = small("a cat");
    let mut story = String::new();
    let mut tokens = Vec::new();
    let mut observer = Observer::new(|event| {
        let letter = match event {
            Event::Load { .. } => 'l',
            Event::BlueprintToken { grid, size, index, token, tokens: all, .. } => {
                assert!(*index < size.len() && token <= all);
                tokens.push((*grid, *index));
                't'
            }
            Event::Blueprint { blueprint, .. } => {
                assert_eq!(blueprint.large.ids.len(), 2);
                'b'
            }
            Event::Step { .. } => 's',
            Event::Decode { .. } => 'd',
            _ => '?',
        };
        if !story.ends_with(letter) {
            story.push(letter);
        }
        ControlFlow::Continue(())
    });
    p.generate(&request, &mut observer).await.unwrap();
    drop(observer);
    assert_eq!(story, "ltblsld");
    let draft = tokens.iter().filter(|(grid, _)| *grid == GridName::Draft).count();
    assert_eq!((draft, tokens.len() - draft), (11 * 22, 2));
    assert_eq!(tokens[draft..], [(GridName::Large, 0), (GridName::Large, 1)]);
}

#[test]
fn each_picture_is_decoded_before_the_next_is_painted() {
    let request = Request { images_per_prompt: 3, ..small("a 'red' cat") };
    // With room for painter and decoder, with none, and without a word.
    let stories = [Some(1 << 40), Some(1), None].map(|budget| {
        let mut p = pipeline();
        let mut story = String::new();
        let mut observer = Observer::new(|event| {
            story.push_str(&match event {
                Event::Load { stage: Stage::Painter, bytes, total } if bytes == total => "P".to_owned(),
                Event::Load { stage: Stage::Decoder, bytes, total } if bytes == total => "D".to_owned(),
                Event::Step { image, step: 2, .. } => image.to_string(),
                Event::Decode { image, .. } => format!("={image} "),
                _ => String::new(),
            });
            ControlFlow::Continue(())
        });
        let mut run = p.prepare(&request, budget).unwrap();
        let pictures = block_on(run.execute(&mut observer)).unwrap();
        drop(observer);
        (story, pictures.into_iter().map(|picture| picture.image).collect::<Vec<_>>())
    });
    assert_eq!(stories[0].0, "P0D=0 1=1 2=2 ");
    assert_eq!(stories[1].0, "P0D=0 P1D=1 P2D=2 ");
    // Whether both fit under the peak is the model's.
    let order: String = stories[2].0.chars().filter(|c| !"PD".contains(*c)).collect();
    assert_eq!(order, "0=0 1=1 2=2 ");
    assert_eq!(stories[0].1, stories[2].1);
}

fn two_prompts() -> Request {
    let prompts = ["a 'cat'", "a banner 'Hello wide world'"];
    Request { start: Request::new(prompts).start, images_per_prompt: 2, ..small("") }
}

#[test]
fn one_picture_of_a_run_is_the_one_that_the_run_makes() {
    let (mut p, observer) = (pipeline(), &mut Observer::silent());
    let request = two_prompts();
    let whole = images(&mut p, &request);
    let mut run = p.prepare(&request, None).unwrap();
    block_on(run.blueprint(1, observer)).unwrap();
    for image in [3, 0] {
        let latents = block_on(run.paint(image, observer)).unwrap();
        let picture = block_on(run.decode(image, &latents, observer)).unwrap();
        assert_eq!((picture.index, picture.images), (image, 4));
        assert_eq!(picture.image, whole[image], "{image}");
    }
    for image in [4, usize::MAX] {
        let error = block_on(run.paint(image, observer)).unwrap_err();
        assert!(matches!(error, Error::Request { field: Field::Image, .. }), "{error}");
    }
    let error = block_on(run.blueprint(2, observer)).unwrap_err();
    assert!(matches!(error, Error::Request { field: Field::Prompt, .. }), "{error}");
}

#[test]
fn a_run_that_is_taken_up_makes_the_rest() {
    let (mut p, observer) = (pipeline(), &mut Observer::silent());
    let request = two_prompts();
    let whole = images(&mut p, &request);
    let first = block_on(blueprint(&mut p, &request));
    for group in [1, 10] {
        let mut run = p.prepare(&request, None).unwrap();
        run.resume([first.clone()]).unwrap();
        run.skip(|image| image == 0 || image == 2);
        run.in_groups_of(group);
        let rest = block_on(run.execute(observer)).unwrap();
        let found: Vec<_> = rest.iter().map(|picture| picture.index).collect();
        assert_eq!(found, [1, 3]);
        assert!(rest[0].image == whole[1] && rest[1].image == whole[3], "groups of {group}");
        assert!(block_on(run.next_picture(observer)).unwrap().is_none());
    }
}

/// What was painted when a run was stopped is decoded when it goes on, and not painted again.
#[test]
fn a_picture_whose_decoding_was_stopped_is_not_lost() {
    let (mut p, request) = (pipeline(), two_prompts());
    let whole = images(&mut p, &request);
    let painted = Cell::new(0);
    let count = |event: &Event| {
        let last = matches!(event, Event::Step { step, steps, .. } if step == steps);
        painted.set(painted.get() + usize::from(last));
    };
    let mut stop = Observer::new(|event| {
        count(event);
        if matches!(event, Event::Decode { .. }) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    let mut go_on = Observer::new(|event| {
        count(event);
        ControlFlow::Continue(())
    });
    let mut run = p.prepare(&request, None).unwrap();
    assert!(matches!(block_on(run.execute(&mut stop)), Err(Error::Cancelled)));
    let found = block_on(run.execute(&mut go_on)).unwrap();
    assert!(found.iter().map(|picture| &picture.image).eq(&whole));
    assert_eq!(painted.get(), whole.len());
}

/// What each of several prompts has of its own, as if it were alone.
#[test]
fn prompts_may_have_their_own_size_and_seed() {
    let mut p = pipeline();
    let own = |text: &str, width, seed| Prompt { width: Some(width), seed: Some(seed), ..text.into() };
    let prompts = [own("a 'cat'", 64, 3), own("a dog", 96, 3)];
    let together = Request { start: Request::new(prompts).start, batch_padding: false, ..small("") };
    let found = images(&mut p, &together);
    for (found, (text, width)) in found.iter().zip([("a 'cat'", 64), ("a dog", 96)]) {
        let alone = Request { width: Some(width), seed: Some(3), ..small(text) };
        assert_eq!(images(&mut p, &alone), std::slice::from_ref(found), "{text}");
    }
}

/// Nothing is left to the model: with other defaults the completed request means the same.
#[pollster::test]
async fn a_prepared_request_is_complete_and_means_the_same() {
    let mut p = pipeline();
    let short = Request {
        seed: Some(5),
        steps: Some(1),
        height: Some(32),
        width: Some(32),
        ..Request::new(["a 'cat'"])
    };
    let completed = |run: Run<'_>| run.request().clone();
    let complete = completed(p.prepare(&short, None).unwrap());
    let Request { guidance, temperature, top_p, top_k, .. } = &complete;
    assert!(
        guidance.is_some() && temperature.is_some() && top_p.is_some() && top_k.is_some(),
        "{complete:?}"
    );
    assert_eq!(completed(p.prepare(&complete, None).unwrap()), complete);
    assert_eq!(images(&mut p, &complete), images(&mut p, &short));
}

/// The tiny checkpoint; whoever shares the thread runs before every read.
struct Yielding(Arc<FolderSource>);

#[async_trait::async_trait(?Send)]
impl ByteSource for Yielding {
    async fn size(&self, path: &str) -> atelier_weights::Result<Option<u64>> {
        self.0.size(path).await
    }

    async fn read(&self, path: &str, range: Range<u64>) -> atelier_weights::Result<Cow<'_, [u8]>> {
        yield_now().await;
        self.0.read(path, range).await
    }

    fn locate(&self, path: &str) -> String {
        self.0.locate(path)
    }
}

#[test]
fn runs_that_take_turns_on_one_thread_are_traced_apart() {
    let turns = RefCell::new(Vec::new());
    let traced = async |prompt: &'static str| -> Vec<(String, TraceTensor)> {
        let mut pipeline = Pipeline::load(Arc::new(Yielding(tiny_random())), cpu()).await.unwrap();
        let mut observer = Observer::new(|_| {
            turns.borrow_mut().push(prompt);
            ControlFlow::Continue(())
        });
        let trace = Trace::default();
        trace.scope(pipeline.generate(&small(prompt), &mut observer)).await.unwrap();
        trace.into_tensors().await.unwrap()
    };
    let prompts = ["a 'red' cat", "a blue house"];
    let alone = prompts.map(|prompt| block_on(traced(prompt)));
    turns.borrow_mut().clear();
    let together = block_on(zip(traced(prompts[0]), traced(prompts[1])));
    turns.borrow_mut().dedup();
    assert!(turns.borrow().len() > 20, "the runs took turns {} times", turns.borrow().len());
    for (alone, together) in alone.iter().zip([together.0, together.1]) {
        let names = |tensors: &[(String, TraceTensor)]| -> Vec<String> {
            tensors.iter().map(|(name, _)| name.clone()).collect()
        };
        assert_eq!(names(&together), names(alone));
        assert!(together == *alone, "the same values");
    }
    assert!(alone[0] != alone[1], "the runs differ");
}
