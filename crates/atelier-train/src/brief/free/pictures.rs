//! Pictures that nobody wants a text in: "a cat", "a red bicycle in the rain".

use super::super::pen::{Look, Pen, with_article};
use super::background;

/// A picture without a text: lower case, after an article.
pub(super) fn write(pen: &mut Pen) {
    let mut subject = if pen.chance(0.45) {
        pen.pick(&pen.lexicon.subjects).to_owned()
    } else {
        let mut words = pen.lexicon.word(&mut pen.random, pen.split, 8);
        if pen.chance(0.6) {
            words = format!("{} {words}", pen.lexicon.word(&mut pen.random, pen.split, 8));
        }
        let mut words = with_article(&words);
        if pen.chance(0.4) {
            let near = pen.pick(&[
                "in the",
                "on the",
                "near my",
                "and the",
                "with two",
                "under the",
                "of",
                "for my",
            ]);
            words = format!("{words} {near} {}", pen.lexicon.word(&mut pen.random, pen.split, 8));
        }
        words
    };
    if pen.chance(0.15) {
        let lead = pen.pick(&[
            "a photo of",
            "a picture of",
            "draw",
            "paint",
            "a drawing of",
            "please draw",
            "show me",
        ]);
        subject = format!("{lead} {subject}");
    }
    if pen.chance(0.12) {
        let tail = pen.pick(&[
            "digital art",
            "oil painting",
            "highly detailed",
            "pixel art",
            "black and white",
            "no text",
        ]);
        subject = format!("{subject}, {tail}");
    } else {
        subject += &background(pen, 0.1, Look::default());
    }
    pen.begin(0.4, &subject);
    if pen.chance(0.1) {
        pen.say(".");
    }
}
