//! What loading a pack costs: quantized matrices go to the device as they lie in the file.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::ops::{ControlFlow, Range};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use atelier::loader::Loader;
use atelier::packing::plan_checkpoint;
use atelier::prior::Prior;
use atelier::{Checkpoint, Event, Observer, Stage};
use atelier_tests::{block_on, cpu};
use atelier_weights::checkpoint::TOKENIZER;
use atelier_weights::{
    ByteSource, ComponentName, FileEntry, FolderSource, MANIFEST, Manifest, MemorySource, PACK_FORMAT,
    Policy, Search, read_all,
};
use testkit::allocator::{self, Counting};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The most bytes in use since the last call, above those in use at that call.
fn growth_since(start: usize) -> usize {
    allocator::take_peak().saturating_sub(start)
}

/// A pack of a checkpoint, in memory.
fn packed(checkpoint: &Checkpoint, source: &dyn ByteSource, policy: &Policy) -> MemorySource {
    let layout = plan_checkpoint(checkpoint, policy).unwrap();
    let mut pack = MemorySource::new();
    let entry = |path: &str, bytes: &[u8]| {
        let sha256 = sha256(bytes);
        FileEntry { path: path.to_owned(), bytes: bytes.len() as u64, sha256 }
    };
    let mut shards = layout.shards.clone();
    for ((shard, header), contents) in shards.iter_mut().zip(&layout.headers).zip(&layout.contents) {
        let mut bytes = header.clone();
        for &(tensor, _) in contents {
            let tensor = &layout.tensors[tensor];
            assert_eq!(tensor.pieces.len(), 1, "{}", tensor.name);
            let name = ComponentName::of(&tensor.component).unwrap();
            let component = checkpoint.component(name).unwrap();
            let values = block_on(component.read_f32(checkpoint.stored_name(name, &tensor.name))).unwrap();
            if tensor.scheme.is_quantized() {
                let packed = tensor.scheme.pack(Search::Nearest, tensor.columns(), &values, &[]);
                bytes.extend([packed.codes, packed.scales].concat().into_iter().flat_map(u32::to_le_bytes));
            } else {
                bytes.extend(tensor.scheme.float_bytes(&values));
            }
        }
        shard.file = entry(&shard.file.path, &bytes);
        pack.insert(shard.file.path.clone(), bytes);
    }
    let read = |path: &str| block_on(read_all(source, path, 1 << 28)).unwrap().unwrap();
    let tokenizer = read(TOKENIZER);
    let configs = [
        "model_index.json",
        "scheduler/scheduler_config.json",
        "processor/preprocessor_config.json",
        "text_encoder/config.json",
        "transformer/config.json",
        "vae/config.json",
        "vision_language_encoder/config.json",
        "vision_language_encoder/generation_config.json",
    ];
    let manifest = Manifest {
        format: PACK_FORMAT.to_owned(),
        source: checkpoint.fingerprint().to_owned(),
        policy: policy.name.clone(),
        search: Search::Nearest,
        calibrated: None,
        configs: configs.map(|path| (path.to_owned(), serde_json::from_slice(&read(path)).unwrap())).into(),
        files: vec![entry(TOKENIZER, &tokenizer)],
        shards,
        tensors: layout.tensors,
    };
    pack.insert(TOKENIZER, tokenizer);
    pack.insert(MANIFEST, serde_json::to_vec(&manifest).unwrap());
    pack
}

fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest;
    sha2::Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The allocator counts for the whole process: no test here runs beside another.
static ALONE: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Room for names, small vectors and what a device keeps for itself with every tensor.
const SLACK: usize = 32 << 10;

/// For every tensor that the architect loads from a q4 pack of mini: while it is read, what is in use grows by no more
/// than twice its bytes in the file, and [`SLACK`]: the words once on their way and once on the device. Full precision
/// would be 3.8 times the file for eight bits and 7.1 times for four, beside the words that it is made from; of the
/// smallest matrix that is 72 KiB, where 52 are allowed.
///
/// When all is loaded, no more is in use than five quarters of what the file has for the stage, which is less than a
/// fifth of the stage in f32: the rest is kept floats, a zero for each row, and what belongs to a tensor.
#[test]
fn no_full_precision_copy_of_a_quantized_matrix_is_made_while_loading() {
    let _alone = alone();
    pollster::block_on(async {
        let mini: Arc<dyn ByteSource> = Arc::new(FolderSource::open("../models/mini").unwrap());
        let checkpoint = Checkpoint::open(mini.clone()).await.unwrap();
        let pack = packed(&checkpoint, &*mini, &Policy::q4());
        let checkpoint = Checkpoint::open(Arc::new(pack)).await.unwrap();
        let component = ComponentName::VisionLanguageEncoder.folder();
        let tensors = &checkpoint.manifest().unwrap().tensors;
        let of_stage = |name: &str| name.starts_with("model.language_model.") || name.starts_with("lm_head.");
        let tensors: Vec<_> =
            tensors.iter().filter(|tensor| tensor.component == component && of_stage(&tensor.name)).collect();
        let numbers = |shape: &[usize]| shape.iter().product::<usize>();
        let full: usize = tensors.iter().map(|tensor| 4 * numbers(&tensor.shape)).sum();
        assert!(tensors.iter().filter(|tensor| tensor.scheme.is_quantized()).count() > 30);
        // Where a copy would not show.
        for tensor in tensors.iter().filter(|tensor| !tensor.scheme.is_quantized()) {
            assert!(
                16 * numbers(&tensor.shape) < SLACK,
                "{} is large and kept: {:?}",
                tensor.name,
                tensor.shape
            );
        }

        let device = cpu();
        // The first time also sets the device up.
        for round in 0..2 {
            let seen = RefCell::new(Vec::with_capacity(tensors.len() + 100));
            let start = allocator::in_use();
            let (mut before, mut in_use) = (0, start);
            growth_since(start);
            let watch = |event: &Event| {
                if let Event::Load { bytes, .. } = event {
                    seen.borrow_mut().push(((bytes - before) as usize, growth_since(in_use)));
                    (before, in_use) = (*bytes, allocator::in_use());
                }
                ControlFlow::Continue(())
            };
            let mut run = Observer::new(watch);
            let prior = Loader::new(&checkpoint, Stage::Architect, &device, &mut run)
                .unwrap()
                .load::<Prior>()
                .await
                .unwrap();
            drop(run);
            let held = allocator::in_use() - start;
            drop(prior);
            if round == 0 {
                continue;
            }
            let seen = seen.into_inner();
            assert_eq!(seen.len(), tensors.len());
            for (file, grown) in &seen {
                let bound = 2 * file + SLACK;
                assert!(
                    *grown <= bound,
                    "for {file} bytes of the file {grown} more were in use, allowed {bound}"
                );
            }
            let file: usize = seen.iter().map(|(file, _)| file).sum();
            let bound = file * 5 / 4;
            assert!(held <= bound, "{held} bytes are in use for {file} of the file, allowed {bound}");
            assert!(5 * bound < full, "{bound} bytes are no small part of the {full} of the stage in f32");
        }
    });
}

/// A source that knows what was hashed, and counts what is read of shards.
#[derive(Default)]
struct Remembering {
    files: MemorySource,
    known: RefCell<Vec<(String, String)>>,
    read: Cell<u64>,
}

#[async_trait::async_trait(?Send)]
impl ByteSource for Remembering {
    async fn size(&self, path: &str) -> atelier_weights::Result<Option<u64>> {
        self.files.size(path).await
    }

    async fn read(&self, path: &str, range: Range<u64>) -> atelier_weights::Result<Cow<'_, [u8]>> {
        self.read.set(self.read.get() + range.end - range.start);
        self.files.read(path, range).await
    }

    fn locate(&self, path: &str) -> String {
        self.files.locate(path)
    }

    async fn has_hash(&self, path: &str, sha256: &str) -> atelier_weights::Result<bool> {
        Ok(self.known.borrow().contains(&(path.to_owned(), sha256.to_owned())))
    }

    async fn note_hash(&self, path: &str, sha256: &str) -> atelier_weights::Result<()> {
        self.known.borrow_mut().push((path.to_owned(), sha256.to_owned()));
        Ok(())
    }
}

#[test]
#[allow(clippy::arc_with_non_send_sync)] // A checkpoint shares its source with its components, in one thread here.
fn what_the_source_knows_to_be_whole_is_not_hashed_again() {
    let _alone = alone();
    pollster::block_on(async {
        let mini: Arc<dyn ByteSource> = Arc::new(FolderSource::open("../models/mini").unwrap());
        let checkpoint = Checkpoint::open(mini.clone()).await.unwrap();
        let source = Arc::new(Remembering {
            files: packed(&checkpoint, &*mini, &Policy::q4()),
            ..Remembering::default()
        });
        let visit = async || {
            let checkpoint = Checkpoint::open(source.clone()).await.unwrap();
            source.read.set(0);
            let heard = Cell::new(0);
            for &stage in Stage::ALL {
                checkpoint
                    .verify(stage, |_, total| {
                        heard.set(total);
                        Ok(())
                    })
                    .await
                    .unwrap();
            }
            (source.read.get(), heard.get())
        };
        let manifest = Checkpoint::open(source.clone()).await.unwrap().manifest().unwrap().clone();
        let all: u64 = manifest.shards.iter().map(|shard| shard.file.bytes).sum();
        assert_eq!(visit().await.0, all);
        assert_eq!(source.known.borrow().len(), manifest.files.len() + manifest.shards.len());
        assert_eq!(visit().await, (0, 0));
        // Of one shard it is no longer known: that one is hashed, and counted alone.
        let shard = &manifest.shards[0].file;
        source.known.borrow_mut().retain(|(path, _)| *path != shard.path);
        assert_eq!(visit().await, (shard.bytes, shard.bytes));
    });
}
