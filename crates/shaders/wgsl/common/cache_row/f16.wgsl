// What a row of a cache is multiplied by when it is written (common/cache): a power of two, so that it fits f16.
//
// A workgroup has one row.

#import exponents

// As bits, which rise with the number and beyond infinity to NaN: `max` of floats may lose a NaN.
var<workgroup> peaks: array<u32, WORKGROUP>;

// `peak` is the largest magnitude that this invocation has of the row, as bits. Keeps what its numbers are multiplied by when
// they are read.
fn row_factor(local: u32, peak: u32, row: u32) -> f32 {
    peaks[local] = peak;
    workgroupBarrier();
    var most = 0u;
    for (var i = 0u; i < WORKGROUP; i++) {
        most = max(most, peaks[i]);
    }
    let exponent = i32(most >> 23u) - 127;
    if local == 0u {
        scales[row] = scale_of(exponent);
    }
    return factor_of(exponent);
}
