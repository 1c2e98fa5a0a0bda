// What a tile holds: f32.

alias Number = f32;

fn number(value: f32) -> Number {
    return value;
}
