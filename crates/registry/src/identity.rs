use std::hash::{BuildHasher, RandomState};

/// Sixteen letters that nobody else has, neither another process nor this one after a restart.
pub(crate) fn draw() -> String {
    // The standard library seeds it from the operating system.
    format!("{:016x}", RandomState::new().hash_one(std::process::id()))
}
