//! What the binary measures of itself, beside simulated neighbours.

pub(crate) mod value;
