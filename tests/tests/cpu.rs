//! Every golden file that needs the model, on the CPU device.

use atelier_tests::{checks_on, cpu};

checks_on! { cpu:
    glyph_encoder { t2i_a, t2i_b, t2i_c, negative }
    vae { decode, encode }
    vision { a, b, square }
    transformer { cond, uncond, crop }
    architect { t2i_a, t2i_b, t2i_c }
    end_to_end { t2i_a, t2i_b, t2i_c, t2i_batch2, i2i_one, i2i_two }
}
