//! The commands, a file or folder each.

pub mod bench;
pub mod doctor;
pub mod eval;
pub mod generate;
pub mod inspect;
pub mod licences;
pub mod man;
pub mod plan;
pub mod quantize;
pub mod rehearse;
pub mod synth;
pub mod verify;
