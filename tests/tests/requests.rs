//! What a caller of the library can rely on: seeds, limits, cancelling, batches, blueprints as values.

use std::ops::ControlFlow;
use std::rc::Rc;

use atelier::prior::CachePrecision;
use atelier::{
    Blueprint, Error, Event, GridName, Noise, Pipeline, Request, RgbImage, Run, Sampling, SourceRecord,
    Sources, Stage,
};
use atelier_tests::checks::architect::GREEDY;
use atelier_tests::{block_on, cpu, software_gpu, tiny_random};

fn pipeline() -> Pipeline {
    block_on(Pipeline::load(tiny_random(), cpu())).unwrap()
}

/// Small, quick, sampled with the model's own defaults.
fn small(pipeline: &Pipeline, prompt: &str) -> Request {
    Request { width: 64, height: 32, steps: 2, seed: 7, ..pipeline.request(prompt) }
}

fn images(pipeline: &mut Pipeline, request: &Request) -> Vec<RgbImage> {
    let pictures = block_on(pipeline.generate(request, &mut Run::silent())).unwrap();
    pictures.into_iter().map(|picture| picture.image).collect()
}

#[test]
fn a_seed_repeats_and_another_seed_differs() {
    let mut p = pipeline();
    let request = small(&p, "a 'red' cat");
    let first = images(&mut p, &request);
    assert_eq!(images(&mut p, &request), first);
    assert_eq!(images(&mut pipeline(), &request), first, "a fresh pipeline");
    assert_ne!(images(&mut p, &Request { seed: 8, ..request }), first);
}

#[pollster::test]
async fn a_seed_gives_the_same_blueprint_on_every_device() {
    let mut blueprints = Vec::new();
    for device in [cpu(), software_gpu()] {
        let mut p = Pipeline::load(tiny_random(), device).await.unwrap();
        let request = small(&p, "a 'red' cat");
        let options = request.architect_options(0);
        let run = &mut Run::silent();
        blueprints.push(p.architect("a 'red' cat", &options, &Sources::default(), run).await.unwrap());
    }
    assert_eq!(blueprints[0], blueprints[1]);
}

#[pollster::test]
async fn a_blueprint_is_complete_whatever_the_temperature() {
    let mut p = pipeline();
    let codes = p.checkpoint().config().prior.vq_config.num_embeddings as u32;
    for seed in 0..3 {
        let wild = Sampling { temperature: 50.0, top_p: 1.0, top_k: None };
        let request = Request { sampling: wild, seed, ..small(&p, "anything") };
        let run = &mut Run::silent();
        let blueprints = p.blueprints(&request, &Sources::default(), run).await.unwrap();
        let draft = blueprints[0].draft.as_ref().unwrap();
        // At this temperature the 16 ids beyond the codes would be drawn some 15 times in 244 tokens.
        let ids = draft.ids.iter().chain(&blueprints[0].large.ids);
        assert_eq!((draft.ids.len(), blueprints[0].large.ids.len()), (draft.rows * draft.columns, 2));
        assert!(ids.clone().all(|&id| id < codes));
    }
}

#[pollster::test]
async fn images_of_a_prompt_share_a_blueprint_and_differ_in_noise() {
    let mut p = pipeline();
    let request = Request { images_per_prompt: 2, ..small(&p, "a cat") };
    let pictures = p.generate(&request, &mut Run::silent()).await.unwrap();
    assert_eq!(pictures[0].blueprint, pictures[1].blueprint);
    assert_ne!(pictures[0].image, pictures[1].image);
    assert_eq!((pictures[0].options.seed, pictures[1].options.seed), (7, 8));
    // The second alone, from its blueprint and options.
    let run = &mut Run::silent();
    let second = &pictures[1];
    let latents = p.paint(&second.blueprint, &second.options, &Sources::default(), run).await.unwrap();
    assert_eq!(p.decode(&latents, run).await.unwrap(), second.image);
}

#[test]
fn prompts_without_batch_padding_are_painted_as_if_alone() {
    let mut p = pipeline();
    let both = Request {
        prompts: vec!["a cat".into(), "a banner that says \"Hello wide world\"".into()],
        sampling: GREEDY,
        ..small(&p, "")
    };
    let alone = Request { prompts: vec!["a cat".into()], ..both.clone() };
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
    let request = small(&p, "a 'blue' cat");
    let pictures = p.generate(&request, &mut Run::silent()).await.unwrap();
    let json = serde_json::to_string(&*pictures[0].blueprint).unwrap();
    let blueprint: Blueprint = serde_json::from_str(&json).unwrap();
    assert_eq!(blueprint, *pictures[0].blueprint);
    let again = p.pictures(vec![blueprint], &request, &Sources::default(), &mut Run::silent()).await.unwrap();
    assert_eq!(again[0].image, pictures[0].image);
}

#[pollster::test]
async fn a_blueprint_of_another_model_or_size_is_refused_by_field() {
    let mut p = pipeline();
    let request = small(&p, "a cat");
    let run = &mut Run::silent();
    let good = p.architect("a cat", &request.architect_options(0), &Sources::default(), run).await.unwrap();
    type Tamper = fn(&mut Blueprint);
    let cases: [(&str, Tamper); 7] = [
        ("format", |b| b.format = "atelier-blueprint/9".into()),
        ("model", |b| b.model = "0".repeat(64)),
        ("large", |b| b.width = 96),
        ("draft", |b| b.draft.as_mut().unwrap().ids.truncate(3)),
        ("large", |b| b.large.ids[1] = 256),
        ("large", |b| (b.large.rows, b.large.columns) = (2, 1)),
        ("sources", |b| b.sources.push(SourceRecord::of(&RgbImage::new(1, 1, vec![0; 3]).unwrap()))),
    ];
    for (field, tamper) in cases {
        let mut bad = good.clone();
        tamper(&mut bad);
        let result = p.paint(&bad, &request.paint_options(0), &Sources::default(), run).await;
        match result {
            Err(Error::Blueprint { field: found, .. }) => assert_eq!(found, field),
            other => panic!("{field}: {other:?}"),
        }
    }
    let odd = Blueprint { width: 65, ..good };
    let result = p.paint(&odd, &request.paint_options(0), &Sources::default(), run).await;
    assert!(matches!(result, Err(Error::Request { field: "width", .. })), "{result:?}");
}

#[pollster::test]
async fn a_request_out_of_range_is_refused_by_field_before_anything_is_loaded() {
    let mut p = pipeline();
    let good = small(&p, "a cat");
    let noise = Noise { shape: vec![1, 16, 4, 4], values: vec![0.0; 256] };
    let cases: Vec<(&str, Request)> = vec![
        ("width", Request { width: 100, ..good.clone() }),
        ("width", Request { width: 0, ..good.clone() }),
        ("height", Request { height: 4128, ..good.clone() }),
        ("steps", Request { steps: 0, ..good.clone() }),
        ("steps", Request { steps: 1001, ..good.clone() }),
        ("guidance", Request { guidance: f32::NAN, ..good.clone() }),
        ("guidance", Request { guidance: f32::INFINITY, ..good.clone() }),
        ("guidance", Request { guidance: -1.0, ..good.clone() }),
        (
            "temperature",
            Request { sampling: Sampling { temperature: f32::NAN, ..good.sampling }, ..good.clone() },
        ),
        ("top_p", Request { sampling: Sampling { top_p: 0.0, ..good.sampling }, ..good.clone() }),
        ("images_per_prompt", Request { images_per_prompt: 0, ..good.clone() }),
        ("prompt", Request { prompts: vec![], ..good.clone() }),
        ("prompt", Request { prompts: vec!["  \n".into()], ..good.clone() }),
        ("prompt", Request { prompts: vec!["long ".repeat(4000)], ..good.clone() }),
        ("latents", Request { noise: Some(noise), ..good.clone() }),
    ];
    for (field, request) in cases {
        let mut loaded = false;
        let mut run = Run::observed(|_| {
            loaded = true;
            ControlFlow::Continue(())
        });
        match p.generate(&request, &mut run).await {
            Err(Error::Request { field: found, .. }) => assert_eq!(found, field),
            other => panic!("{field}: {other:?}"),
        }
        drop(run);
        assert!(!loaded, "{field}: refused only after loading began");
    }
}

#[pollster::test]
async fn source_images_that_cannot_be_used_are_refused_by_number() {
    let mut p = pipeline();
    let image =
        |width: usize, height: usize| RgbImage::new(width, height, vec![9; width * height * 3]).unwrap();
    for (bad, words) in [(image(15, 40), "16"), (image(300, 70), "4")] {
        let request = Request { sources: vec![image(64, 64), bad], ..small(&p, "a cat") };
        let error = p.generate(&request, &mut Run::silent()).await.unwrap_err();
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
        let request = Request { sources: vec![source(1), source(7)], ..small(&p, "again") };
        let run = &mut Run::silent();
        let sources = p.sources(&request.sources, run).await.unwrap();
        let blueprint = p.architect("again", &request.architect_options(0), &sources, run).await.unwrap();
        let mut paint = |precision| {
            p.set_cache_precision(Stage::Painter, precision);
            block_on(p.paint(&blueprint, &request.paint_options(0), &sources, run)).unwrap().values
        };
        let (exact, rounded) = (paint(CachePrecision::F32), paint(CachePrecision::F16));
        let off = exact.iter().zip(&rounded).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(off > 0.0 && off < 2e-3, "latents, which are about 1, are off by {off}");
        assert_eq!(paint(CachePrecision::F32), exact, "what is kept is of the precision that is asked for");
    }
}

#[test]
fn source_images_of_any_size_are_painted_from() {
    let mut p = pipeline();
    for (width, height) in [(50, 70), (1008, 500), (129, 65)] {
        let source =
            RgbImage::new(width, height, (0..width * height * 3).map(|i| (i % 251) as u8).collect()).unwrap();
        let request = Request { sources: vec![source], steps: 1, ..small(&p, "again") };
        assert_eq!(images(&mut p, &request).len(), 1, "{width}x{height}");
    }
}

#[pollster::test]
async fn cancelling_stops_at_the_very_token_and_step() {
    let mut p = pipeline();
    let request = Request { steps: 4, ..small(&p, "a cat") };
    let stops: [fn(&Event) -> bool; 4] = [
        |e| matches!(e, Event::Load { .. }),
        |e| matches!(e, Event::BlueprintToken { token: 5, .. }),
        |e| matches!(e, Event::Step { step: 2, .. }),
        |e| matches!(e, Event::Decode { .. }),
    ];
    for stop in stops {
        let mut after = 0;
        let mut stopped = false;
        let mut run = Run::observed(|event| {
            after += usize::from(stopped);
            stopped |= stop(event);
            if stopped { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        let result = p.generate(&request, &mut run).await;
        drop(run);
        assert!(matches!(result, Err(Error::Cancelled)), "{result:?}");
        assert_eq!(after, 0, "nothing is reported after the stop");
    }
    // And the pipeline is as good as new.
    assert_eq!(images(&mut p, &request).len(), 1);
}

#[pollster::test]
async fn events_tell_the_whole_story_in_order() {
    let mut p = pipeline();
    let request = small(&p, "a cat");
    let mut story = String::new();
    let mut tokens = Vec::new();
    let mut run = Run::observed(|event| {
        let letter = match event {
            Event::Load { .. } => 'l',
            Event::BlueprintToken { grid, size, index, token, tokens: all, .. } => {
                assert!(*index < size.len() && token <= all);
                tokens.push((*grid, *index));
                't'
            }
            Event::Blueprint { .. } => 'b',
            Event::Step { .. } => 's',
            Event::Decode { .. } => 'd',
            _ => '?',
        };
        if !story.ends_with(letter) {
            story.push(letter);
        }
        ControlFlow::Continue(())
    });
    p.generate(&request, &mut run).await.unwrap();
    drop(run);
    assert_eq!(story, "ltblsld");
    let draft = tokens.iter().filter(|(grid, _)| *grid == GridName::Draft).count();
    assert_eq!((draft, tokens.len() - draft), (11 * 22, 2));
    assert_eq!(tokens[draft..], [(GridName::Large, 0), (GridName::Large, 1)]);
}

#[test]
fn each_picture_is_decoded_before_the_next_is_painted() {
    let request = |p: &Pipeline| Request { images_per_prompt: 3, ..small(p, "a 'red' cat") };
    // With room for painter and decoder, with none, and without a word.
    let stories = [Some(1 << 40), Some(1), None].map(|budget| {
        let mut p = pipeline();
        p.set_memory_budget(budget);
        let mut story = String::new();
        let mut run = Run::observed(|event| {
            story.push_str(&match event {
                Event::Load { stage: Stage::Painter, bytes, total } if bytes == total => "P".to_owned(),
                Event::Load { stage: Stage::Decoder, bytes, total } if bytes == total => "D".to_owned(),
                Event::Step { image, step: 2, .. } => image.to_string(),
                Event::Decode { image, .. } => format!("={image} "),
                _ => String::new(),
            });
            ControlFlow::Continue(())
        });
        let pictures = block_on(p.generate(&request(&pipeline()), &mut run)).unwrap();
        drop(run);
        (story, pictures.into_iter().map(|picture| picture.image).collect::<Vec<_>>())
    });
    assert_eq!(stories[0].0, "P0D=0 1=1 2=2 ");
    assert_eq!(stories[1].0, "P0D=0 P1D=1 P2D=2 ");
    // Whether both fit under the peak is the model's.
    let order: String = stories[2].0.chars().filter(|c| !"PD".contains(*c)).collect();
    assert_eq!(order, "0=0 1=1 2=2 ");
    assert_eq!(stories[0].1, stories[2].1);
}

#[test]
fn one_picture_of_a_run_is_the_one_that_the_run_makes() {
    let mut p = pipeline();
    let prompts = vec!["a 'cat'".to_owned(), "a banner 'Hello wide world'".to_owned()];
    let request = Request { prompts, images_per_prompt: 2, ..small(&p, "") };
    let whole = images(&mut p, &request);
    let (run, none) = (&mut Run::silent(), Sources::default());
    let mut blueprints = Vec::new();
    for prompt in [1, 0] {
        blueprints.insert(0, Rc::new(block_on(p.blueprint(prompt, &request, &none, run)).unwrap()));
    }
    for image in [3, 0] {
        let picture = block_on(p.picture(image, &blueprints, &request, &none, run)).unwrap();
        assert_eq!(picture.image, whole[image], "{image}");
    }
    for (image, per_prompt) in [(4, 2), (0, 0), (usize::MAX, 2)] {
        let request = Request { images_per_prompt: per_prompt, ..request.clone() };
        let error = block_on(p.picture(image, &blueprints, &request, &none, run)).unwrap_err();
        assert!(matches!(error, Error::Request { field: "image", .. }), "{error}");
    }
    let error = block_on(p.blueprint(2, &request, &none, run)).unwrap_err();
    assert!(matches!(error, Error::Request { field: "prompt", .. }), "{error}");
}
