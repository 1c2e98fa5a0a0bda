// What a tile holds: f16, so that it takes half the room. Products and sums are f32 all the same.

alias Number = f16;

// Beyond the largest f16 that one: an infinity would spoil a whole row.
fn number(value: f32) -> Number {
    return f16(clamp(value, -65504.0, 65504.0));
}
