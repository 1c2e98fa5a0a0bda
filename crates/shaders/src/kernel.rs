//! How an operation is declared, and who runs what.

use std::cell::Cell;

/// Declares an operation on the tensors of backends: who runs what, and that alone. The public function calls it.
///
/// ```text
/// kernel! {
///     trait SwiGlu in swiglu {
///         fn swiglu(gate_up: FloatTensor<Self>) -> FloatTensor<Self>;
///     }
///     cpu if cpu::are_f32(&[&gate_up]);
///     gpu if gpu::are_f32(&[&gate_up]);
/// }
/// ```
///
/// Three functions with this very signature do the work:
/// - `reference` beside the declaration, for any backend `B`: the definition in burn's own operations. It runs wherever
///   nothing else does.
/// - `crate::cpu::swiglu::twin`: the same in plain Rust, on the CPU device where the condition holds.
/// - `launch` beside the declaration: the WGSL kernel, on a GPU where the condition holds.
///
/// `cpu reference;` and `gpu reference;` say that there is no faster form.
macro_rules! kernel {
    (
        trait $Trait:ident in $module:ident $signature:tt
        cpu $cpu:tt $($cpu_condition:expr)?;
        gpu $gpu:tt $($gpu_condition:expr)?;
    ) => {
        kernel!(@trait $Trait $signature);
        #[cfg(feature = "cpu")]
        kernel!(@impl $Trait $signature for burn::backend::Flex, $cpu $($cpu_condition, crate::cpu::$module::twin)?);
        #[cfg(feature = "gpu")]
        kernel!(@impl $Trait $signature for burn_cubecl::CubeBackend, $gpu $($gpu_condition, launch)?);
    };
    (@trait $Trait:ident {
        fn $name:ident($($(#[$mark:ident])? $argument:ident: $type:tt $(<$of:tt>)?),* $(,)?)
            -> $output:tt $(<$output_of:tt>)?;
    }) => {
        #[burn::backend::backend_extension(
            Cube: cfg(feature = "gpu"),
            Flex: cfg(feature = "cpu")
        )]
        pub(crate) trait $Trait: burn::backend::Backend {
            fn $name($($(#[$mark])? $argument: $type $(<$of>)?),*) -> $output $(<$output_of>)? {
                reference::<Self>($($argument),*)
            }
        }
    };
    (@impl $Trait:ident $signature:tt for $backend:ty, reference) => {
        impl $Trait for $backend {}
    };
    (@impl $Trait:ident {
        fn $name:ident($($(#[$mark:ident])? $argument:ident: $type:tt $(<$of:tt>)?),* $(,)?)
            -> $output:tt $(<$output_of:tt>)?;
    } for $backend:ty, if $condition:expr, $faster:path) => {
        impl $Trait for $backend {
            fn $name($($argument: $type $(<$of>)?),*) -> $output $(<$output_of>)? {
                if !$crate::kernel::only_references() && $condition {
                    $faster($($argument),*)
                } else {
                    reference::<Self>($($argument),*)
                }
            }
        }
    };
}
pub(crate) use kernel;

thread_local! {
    static ONLY_REFERENCES: Cell<bool> = const { Cell::new(false) };
}

/// Calls `f` with every operation of this thread run by its reference, on any device: to see whether a faster form is at
/// fault.
pub fn with_references<T>(f: impl FnOnce() -> T) -> T {
    let before = ONLY_REFERENCES.replace(true);
    let result = f();
    ONLY_REFERENCES.set(before);
    result
}

/// Whether [`with_references`] is at work.
#[cfg(any(feature = "cpu", feature = "gpu"))]
pub(crate) fn only_references() -> bool {
    ONLY_REFERENCES.get()
}
