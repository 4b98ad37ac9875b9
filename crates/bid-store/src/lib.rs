//! What processes share about the current slots.
