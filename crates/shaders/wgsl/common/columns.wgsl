// Four sums of four numbers each, as the columns of a matrix: unlike an array that a loop goes through they stay in
// registers on every device.

// Each column is `four` times its number.
fn outer(four: vec4<f32>, by: vec4<f32>) -> mat4x4<f32> {
    return mat4x4(four * by.x, four * by.y, four * by.z, four * by.w);
}

// Each column times its number.
fn scaled(columns: mat4x4<f32>, by: vec4<f32>) -> mat4x4<f32> {
    return mat4x4(columns[0] * by.x, columns[1] * by.y, columns[2] * by.z, columns[3] * by.w);
}
