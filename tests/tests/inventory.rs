//! Every tensor of the full-size model has its place: names and shapes, without allocating any of them.

use std::collections::BTreeMap;

use atelier::inventory::{TensorRole, inventory};
use atelier::{ModelConfig, Observer, Pipeline, Request, Stage};
use atelier_tests::{block_on, cpu, reference, tiny_random};
use atelier_weights::{ComponentName, FolderSource};

fn full_size() -> ModelConfig {
    let source = FolderSource::open(reference().join("full/config")).unwrap();
    block_on(ModelConfig::read(&source)).unwrap()
}

/// `name,shape,dtype,params` rows, shapes as `4096x64`.
fn table(component: ComponentName) -> BTreeMap<String, Vec<usize>> {
    let path = reference().join("full").join(format!("{}.tensors.csv", component.folder()));
    let text = std::fs::read_to_string(path).unwrap();
    text.lines()
        .skip(1)
        .map(|line| {
            let mut fields = line.split(',');
            let name = fields.next().unwrap().to_owned();
            let shape = fields.next().unwrap().split('x').map(|n| n.parse().unwrap()).collect();
            (name, shape)
        })
        .collect()
}

#[test]
fn the_full_size_inventory_is_mapped_exactly() {
    let config = full_size();
    let mut parameters = 0;
    for component in ComponentName::ALL {
        let mut expected = table(component);
        let mut aliases = Vec::new();
        for entry in inventory(&config, component) {
            if let TensorRole::AliasOf(name) = entry.role {
                aliases.push(name);
                continue;
            }
            let shape = expected.remove(&entry.name);
            assert_eq!(shape.as_ref(), Some(&entry.shape), "{}: {}", component.folder(), entry.name);
            parameters += entry.shape.iter().product::<usize>();
        }
        assert!(expected.is_empty(), "{}: no place for {:?}", component.folder(), expected.keys());
        for name in aliases {
            assert!(table(component).contains_key(&name), "{name} is an alias of nothing");
        }
    }
    // The published size of the model (spec 1).
    assert_eq!(parameters, 17_664_886_627);
}

#[test]
fn the_published_sizes_of_the_parts_add_up() {
    let config = full_size();
    let count = |component, wanted: &dyn Fn(&str) -> bool| -> usize {
        let entries = inventory(&config, component);
        let entries = entries.iter().filter(|e| !matches!(e.role, TensorRole::AliasOf(_)) && wanted(&e.name));
        entries.map(|entry| entry.shape.iter().product::<usize>()).sum()
    };
    let text_path = |name: &str| name.starts_with("model.language_model.") || name == "lm_head.weight";
    assert_eq!(count(ComponentName::VisionLanguageEncoder, &text_path), 8_914_788_352);
    assert_eq!(count(ComponentName::Transformer, &|_| true), 6_926_882_880);
    assert_eq!(count(ComponentName::TextEncoder, &|_| true), 217_657_472);
    assert_eq!(count(ComponentName::Vae, &|name| name.starts_with("decoder.")), 233_656_835);
}

#[pollster::test]
async fn every_stage_says_beforehand_how_much_it_loads() {
    use atelier::Event;
    let mut last: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    let mut run = Observer::new(|event| {
        if let Event::Load { stage, bytes, total } = event {
            last.insert(format!("{stage:?}"), (*bytes, *total));
        }
        std::ops::ControlFlow::Continue(())
    });
    let mut pipeline = Pipeline::load(tiny_random(), cpu()).await.unwrap();
    let source = atelier::RgbImage::new(64, 64, vec![90; 64 * 64 * 3]).unwrap();
    let request = Request {
        sources: vec![source],
        width: Some(32),
        height: Some(32),
        steps: Some(1),
        ..Request::new(["a cat"])
    };
    pipeline.generate(&request, &mut run).await.unwrap();
    drop(run);
    for stage in [Stage::Sources, Stage::Architect, Stage::Painter, Stage::Decoder] {
        let (bytes, total) = last[&format!("{stage:?}")];
        assert!(bytes > 0 && bytes == total, "{stage:?}: {bytes} of {total} bytes");
    }
}
