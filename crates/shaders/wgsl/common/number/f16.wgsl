// What a tile holds: f16, so that it takes half the room. Products and sums are f32 all the same.

enable f16;

alias Number = f16;

fn numbers(values: vec4<f32>) -> vec4<Number> {
    return vec4<f16>(values);
}
