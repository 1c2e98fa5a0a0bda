// How keys and values are stored: f16, two in a word, which every device can read. Rows have a scale each, so that f16 can hold
// whatever they are.

alias Stored = u32;

const PER_WORD: u32 = 2u;

// The number at `index`, of the word that holds it.
fn unstore(word: Stored, index: u32) -> f32 {
    return unpack2x16float(word)[index % 2u];
}

// A word of as many of these numbers as it holds.
fn store(numbers: vec2<f32>) -> Stored {
    return pack2x16float(numbers);
}

// What the numbers of a row are multiplied by.
fn row_scale(row: u32) -> f32 {
    return scales[row];
}
