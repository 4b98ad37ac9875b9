//! The rules of one auction, as pure state machines.
