//! The element types of the safetensors format.

use std::fmt;

macro_rules! dtypes {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $bits:literal;)*) => {
        /// The type of a tensor's elements, little-endian.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Dtype {
            $($(#[$doc])* $variant,)*
        }

        impl Dtype {
            /// Every dtype of the format.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The name as it is written in a header, for example `BF16`.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// Size of one element in bits.
            pub const fn bits(self) -> usize {
                match self { $(Self::$variant => $bits,)* }
            }
        }
    };
}

dtypes! {
    /// 32-bit float.
    F32 = "F32", 32;
    /// 16-bit float, IEEE half precision.
    F16 = "F16", 16;
    /// 16-bit float with the exponent range of `F32`.
    Bf16 = "BF16", 16;
    /// 64-bit float.
    F64 = "F64", 64;
    /// Complex number of two 32-bit floats.
    C64 = "C64", 64;
    /// Signed 64-bit integer.
    I64 = "I64", 64;
    /// Signed 32-bit integer.
    I32 = "I32", 32;
    /// Signed 16-bit integer.
    I16 = "I16", 16;
    /// Signed 8-bit integer.
    I8 = "I8", 8;
    /// Unsigned 64-bit integer.
    U64 = "U64", 64;
    /// Unsigned 32-bit integer.
    U32 = "U32", 32;
    /// Unsigned 16-bit integer.
    U16 = "U16", 16;
    /// Unsigned 8-bit integer.
    U8 = "U8", 8;
    /// Truth value, one byte.
    Bool = "BOOL", 8;
    /// 8-bit float, 4 exponent bits, 3 mantissa bits; NaN, but no infinities.
    F8E4m3 = "F8_E4M3", 8;
    /// 8-bit float, 5 exponent bits, 2 mantissa bits.
    F8E5m2 = "F8_E5M2", 8;
    /// 8-bit float, 8 exponent bits: a scale.
    F8E8m0 = "F8_E8M0", 8;
    /// `F8_E4M3` without infinities and negative zero.
    F8E4m3Fnuz = "F8_E4M3FNUZ", 8;
    /// `F8_E5M2` without infinities and negative zero.
    F8E5m2Fnuz = "F8_E5M2FNUZ", 8;
    /// 6-bit float, 2 exponent bits, 3 mantissa bits.
    F6E2m3 = "F6_E2M3", 6;
    /// 6-bit float, 3 exponent bits, 2 mantissa bits.
    F6E3m2 = "F6_E3M2", 6;
    /// 4-bit float.
    F4 = "F4", 4;
}

impl Dtype {
    /// Size of one element in bytes; a packed dtype of less than 8 bits counts as one byte.
    pub const fn size(self) -> usize {
        self.bits().div_ceil(8)
    }

    /// The dtype that a header calls `name`, `None` when the format has none of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|dtype| dtype.name() == name)
    }
}

impl fmt::Display for Dtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
