// What a row of a cache is multiplied by when it is written (common/cache): nothing, in f32.

fn row_factor(local: u32, peak: u32, row: u32) -> f32 {
    // What nothing names would not be bound.
    _ = arrayLength(&scales);
    return 1.0;
}
