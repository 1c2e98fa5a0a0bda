//! The closed sets that prompts name things from.

use serde::{Deserialize, Serialize};

/// A closed set of things with names; serde writes the names.
macro_rules! named {
    ($(#[$doc:meta])* $type:ident { $($(#[$item_doc:meta])* $item:ident = $name:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum $type { $($(#[$item_doc])* #[serde(rename = $name)] $item,)* }

        impl $type {
            /// All of them, in order.
            pub const ALL: &[Self] = &[$(Self::$item,)*];

            /// The name as a prompt has it, lower case.
            pub fn name(self) -> &'static str {
                match self { $(Self::$item => $name,)* }
            }
        }
    };
}

named! {
    /// A colour. The first fourteen are the grounds.
    Ink {
        /// (255, 255, 255)
        White = "white",
        /// (0, 0, 0)
        Black = "black",
        /// (0, 0, 128)
        Navy = "navy",
        /// (255, 253, 208)
        Cream = "cream",
        /// (255, 0, 0)
        Red = "red",
        /// (0, 128, 0)
        Green = "green",
        /// (255, 255, 0)
        Yellow = "yellow",
        /// (128, 128, 128)
        Gray = "gray",
        /// (135, 206, 235)
        SkyBlue = "sky blue",
        /// (255, 192, 203)
        Pink = "pink",
        /// (0, 128, 128)
        Teal = "teal",
        /// (128, 0, 128)
        Purple = "purple",
        /// (255, 165, 0)
        Orange = "orange",
        /// (165, 42, 42)
        Brown = "brown",
        /// (255, 215, 0), for letters and decorations only.
        Gold = "gold",
        /// (0, 0, 255), for letters and decorations only.
        Blue = "blue",
    }
}

named! {
    /// How large a text is.
    Size {
        /// 64×128 pixels a character.
        Large = "large",
        /// 32×64 pixels a character.
        Medium = "medium",
        /// 16×32 pixels a character.
        Small = "small",
    }
}

named! {
    /// How high something stands.
    Row {
        /// At the top.
        Top = "top",
        /// Between top and center.
        UpperMiddle = "upper middle",
        /// At half height.
        Center = "center",
        /// Between center and bottom.
        LowerMiddle = "lower middle",
        /// At the bottom.
        Bottom = "bottom",
    }
}

named! {
    /// Where in its row something stands.
    Side {
        /// At the left margin.
        Left = "left",
        /// In the middle: prompts rarely say it.
        Center = "center",
        /// At the right margin.
        Right = "right",
    }
}

named! {
    /// The kind of letters.
    Face {
        /// Without serifs.
        Sans = "sans",
        /// With serifs: also for script, italics and handwriting.
        Serif = "serif",
    }
}

named! {
    /// What a decoration is. The first four are not icons.
    Kind {
        /// A frame in the margin.
        Frame = "frame",
        /// A horizontal line.
        Rule = "rule",
        /// A band of stripes.
        Stripes = "stripes",
        /// A band of dots.
        Dots = "dots",
        /// An icon.
        Heart = "heart",
        /// An icon.
        Star = "star",
        /// An icon.
        Sun = "sun",
        /// An icon.
        Moon = "moon",
        /// An icon.
        Tree = "tree",
        /// An icon.
        House = "house",
        /// An icon.
        Cup = "cup",
        /// An icon.
        Flower = "flower",
        /// An icon.
        Fish = "fish",
        /// An icon.
        Bird = "bird",
        /// An icon.
        Car = "car",
        /// An icon.
        Bell = "bell",
        /// An icon.
        Arrow = "arrow",
        /// An icon.
        Check = "check mark",
        /// An icon.
        Cloud = "cloud",
        /// An icon.
        Snowflake = "snowflake",
        /// An icon.
        Leaf = "leaf",
        /// An icon.
        Key = "key",
        /// An icon.
        Gift = "gift",
        /// An icon.
        Music = "music note",
    }
}

impl Ink {
    /// How many of the inks, from the first, are grounds too.
    pub const GROUNDS: usize = 14;

    /// The web value.
    pub fn rgb(self) -> [u8; 3] {
        match self {
            Self::White => [255, 255, 255],
            Self::Black => [0, 0, 0],
            Self::Navy => [0, 0, 128],
            Self::Cream => [255, 253, 208],
            Self::Red => [255, 0, 0],
            Self::Green => [0, 128, 0],
            Self::Yellow => [255, 255, 0],
            Self::Gray => [128, 128, 128],
            Self::SkyBlue => [135, 206, 235],
            Self::Pink => [255, 192, 203],
            Self::Teal => [0, 128, 128],
            Self::Purple => [128, 0, 128],
            Self::Orange => [255, 165, 0],
            Self::Brown => [165, 42, 42],
            Self::Gold => [255, 215, 0],
            Self::Blue => [0, 0, 255],
        }
    }

    /// The contrast between two colours as the web's rules have it, in `1.0..=21.0`.
    pub fn contrast(self, other: Self) -> f32 {
        let (one, two) = (self.luminance() + 0.05, other.luminance() + 0.05);
        one.max(two) / one.min(two)
    }

    fn luminance(self) -> f32 {
        let linear = self.rgb().map(|value| {
            let value = f32::from(value) / 255.;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        });
        0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    }
}

impl Kind {
    /// The icons: two cells high and wide.
    pub fn icons() -> &'static [Self] {
        &Self::ALL[4..]
    }
}
