//! The Builder API that beacon nodes ask.
