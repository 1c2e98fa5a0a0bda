//! What a picture says: the words a prompt is made of.

/// A closed set of things with names.
macro_rules! named {
    ($(#[$doc:meta])* $type:ident { $($(#[$item_doc:meta])* $item:ident = $name:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $type { $($(#[$item_doc])* $item,)* }

        impl $type {
            /// All of them, in order.
            pub const ALL: &[Self] = &[$(Self::$item,)*];

            /// The name as a prompt has it, lower case.
            pub fn name(self) -> &'static str {
                match self { $(Self::$item => $name,)* }
            }

            /// The one of this name.
            pub fn named(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|item| item.name() == name)
            }
        }
    };
}

named! {
    /// What the text stands on.
    Carrier {
        /// A poster.
        Poster = "poster",
        /// A card.
        Card = "card",
        /// A sign.
        Sign = "sign",
        /// A banner.
        Banner = "banner",
        /// A label.
        Label = "label",
        /// A slide.
        Slide = "slide",
        /// A flyer.
        Flyer = "flyer",
    }
}

named! {
    /// A colour of the background or of the ink.
    Colour {
        /// White.
        White = "white",
        /// Black.
        Black = "black",
        /// Navy.
        Navy = "navy",
        /// Cream.
        Cream = "cream",
        /// Red.
        Red = "red",
        /// Green.
        Green = "green",
        /// Yellow.
        Yellow = "yellow",
        /// Gray.
        Gray = "gray",
        /// Sky blue.
        SkyBlue = "sky blue",
        /// Pink.
        Pink = "pink",
    }
}

impl Colour {
    /// The sRGB value, within 10 levels of the web colour of that name in every channel.
    pub fn rgb(self) -> [u8; 3] {
        match self {
            Self::White => [255, 255, 255],
            Self::Black => [5, 5, 7],
            Self::Navy => [4, 8, 124],
            Self::Cream => [254, 250, 212],
            Self::Red => [246, 8, 10],
            Self::Green => [4, 126, 10],
            Self::Yellow => [255, 246, 8],
            Self::Gray => [130, 130, 132],
            Self::SkyBlue => [135, 206, 235],
            Self::Pink => [255, 190, 203],
        }
    }

    /// The inks that read well on this background.
    pub fn inks(self) -> &'static [Self] {
        match self {
            Self::White => &[Self::Black, Self::Green, Self::Navy, Self::Red],
            Self::Black => &[Self::SkyBlue, Self::Yellow, Self::Pink, Self::White],
            Self::Navy => &[Self::Yellow, Self::Cream, Self::White],
            Self::Cream => &[Self::Green, Self::Black, Self::Navy, Self::Red],
            Self::Red => &[Self::White, Self::Black, Self::Yellow],
            Self::Green => &[Self::White, Self::Cream, Self::Black],
            Self::Yellow => &[Self::Black, Self::Red, Self::Navy],
            Self::Gray => &[Self::White, Self::Black],
            Self::SkyBlue => &[Self::Navy, Self::Black, Self::White],
            Self::Pink => &[Self::Navy, Self::Black],
        }
    }

    /// The quiet second colour of this background, for decoration.
    pub fn accent(self) -> [u8; 3] {
        match self {
            Self::White => [212, 226, 242],
            Self::Black => [62, 66, 78],
            Self::Navy => [56, 78, 158],
            Self::Cream => [240, 214, 158],
            Self::Red => [190, 6, 20],
            Self::Green => [64, 160, 72],
            Self::Yellow => [250, 206, 0],
            Self::Gray => [160, 160, 166],
            Self::SkyBlue => [104, 180, 218],
            Self::Pink => [242, 150, 174],
        }
    }
}

named! {
    /// How large a text is.
    Size {
        /// At most 8 characters.
        Large = "large",
        /// At most 10 characters.
        Medium = "medium",
        /// At most 12 characters.
        Small = "small",
    }
}

impl Size {
    /// The most characters a text of this size has.
    pub fn max_characters(self) -> usize {
        match self {
            Self::Large => 8,
            Self::Medium => 10,
            Self::Small => 12,
        }
    }
}

named! {
    /// How high a text stands.
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
    /// Where in its row a text stands.
    Side {
        /// At the left margin.
        Left = "left",
        /// In the middle: prompts do not say it.
        Center = "center",
        /// At the right margin.
        Right = "right",
    }
}

named! {
    /// What a text is to the picture; it says the row.
    Role {
        /// Top.
        Title = "title",
        /// Top.
        Heading = "heading",
        /// Bottom.
        Footer = "footer",
        /// Bottom.
        Caption = "caption",
    }
}

impl Role {
    /// The row it stands in.
    pub fn row(self) -> Row {
        match self {
            Self::Title | Self::Heading => Row::Top,
            Self::Footer | Self::Caption => Row::Bottom,
        }
    }
}

/// How a prompt begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Lead {
    /// "A white sign with …"
    With,
    /// "Sign on a white background: …"
    On,
    /// "A simple sign, white background, showing …": drawn without decoration.
    Simple,
}

/// How a prompt speaks of one text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Phrase {
    /// "'X' at the top in black, large"
    At,
    /// "'X' in large black letters at the top"
    Letters,
    /// "the large black text 'X' at the top"
    Text,
    /// "a large black title that says 'X' on the left"
    Role(Role),
    /// "the title 'X' in large black letters at the top": a paraphrase.
    RoleLetters(Role),
    /// "'X' in large black text at the top": a paraphrase.
    InText,
}

/// The quotation marks around a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Quote {
    /// 'X'
    Single,
    /// "X"
    Double,
    /// “X”
    Curly,
}

impl Quote {
    /// All of them.
    pub const ALL: &[Self] = &[Self::Single, Self::Double, Self::Curly];

    /// The opening and the closing mark.
    pub fn marks(self) -> (char, char) {
        match self {
            Self::Single => ('\'', '\''),
            Self::Double => ('"', '"'),
            Self::Curly => ('“', '”'),
        }
    }
}

/// One text of a picture and its wanted look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Region {
    /// The text, without quotation marks.
    pub text: String,
    /// How high it stands.
    pub row: Row,
    /// Where in the row it stands.
    pub side: Side,
    /// How large it is.
    pub size: Size,
    /// Its ink.
    pub colour: Colour,
    /// How the prompt speaks of it.
    pub phrase: Phrase,
    /// How the prompt quotes it.
    pub quote: Quote,
}

/// Everything a prompt says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// What the text stands on.
    pub carrier: Carrier,
    /// How the prompt begins.
    pub lead: Lead,
    /// The background.
    pub background: Colour,
    /// The texts, from top to bottom.
    pub regions: Vec<Region>,
}
