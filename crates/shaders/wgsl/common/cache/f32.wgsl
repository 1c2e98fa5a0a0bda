// How keys and values are stored: f32, one in a word.

alias Stored = f32;

const PER_WORD: u32 = 1u;

// The number at `index`, of the word that holds it.
fn unstore(word: Stored, index: u32) -> f32 {
    return word;
}

// A word of as many of these numbers as it holds.
fn store(numbers: vec2<f32>) -> Stored {
    return numbers.x;
}

// What the numbers of a row are multiplied by.
fn row_scale(row: u32) -> f32 {
    // What nothing names would not be bound.
    _ = arrayLength(&scales);
    return 1.0;
}
