// What a tile holds: f32.

alias Number = f32;

fn numbers(values: vec4<f32>) -> vec4<Number> {
    return values;
}
