//! The kernels' texts and what Rust has to know of them, as the build script reads them in `wgsl/`: for each kernel a module
//! with its `SOURCE`, its `Sizes`, and its constants.

/// A kernel as it lies in `wgsl/`.
#[derive(Debug)]
pub(crate) struct Source {
    /// That of the file.
    pub name: &'static str,
    pub text: &'static str,
    /// `sum`, which may be chosen, or `sum::workgroup`, which is fixed.
    pub imports: &'static [&'static str],
    /// Those whose value is written out.
    pub constants: &'static [(&'static str, u32)],
    /// Names and words of its sizes.
    pub sizes: &'static [(&'static str, u32)],
}

/// A file in `wgsl/common`: `NAME.wgsl`, or `NAME/CHOICE.wgsl` where there are several to choose from.
#[derive(Debug)]
pub(crate) struct Module {
    pub name: &'static str,
    pub choice: &'static str,
    pub text: &'static str,
    pub imports: &'static [&'static str],
}

/// A number that a kernel is told, as it lies in the words of `Sizes`.
trait Size {
    const WORDS: u32;
    fn words(self) -> Vec<u32>;
}

impl Size for usize {
    const WORDS: u32 = 1;

    fn words(self) -> Vec<u32> {
        vec![self as u32]
    }
}

impl Size for f32 {
    const WORDS: u32 = 1;

    fn words(self) -> Vec<u32> {
        vec![self.to_bits()]
    }
}

impl Size for [usize; 4] {
    const WORDS: u32 = 4;

    fn words(self) -> Vec<u32> {
        self.map(|size| size as u32).to_vec()
    }
}

include!(concat!(env!("OUT_DIR"), "/wgsl.rs"));
