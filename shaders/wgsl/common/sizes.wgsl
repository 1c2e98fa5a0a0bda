// The sizes, for kernels with barriers. A barrier must not depend on what may differ between invocations, and a browser
// takes whatever is read from a writable buffer for that. (No buffer is read-only here: it may be part of a larger one
// that the same dispatch writes to.)

const MOST_SIZES: u32 = 24u;

var<workgroup> held_sizes: array<u32, MOST_SIZES>;

fn uniform_sizes(local: u32) -> array<u32, MOST_SIZES> {
    if local < min(arrayLength(&sizes), MOST_SIZES) {
        held_sizes[local] = sizes[local];
    }
    return workgroupUniformLoad(&held_sizes);
}
