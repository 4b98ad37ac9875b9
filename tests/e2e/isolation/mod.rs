//! None can touch another: every way in, with every kind of credential.
//!
//! The ways are read from the contract and from the router, so one that is added is judged here or fails here.

mod builder_api;
mod cluster_api;
mod objects;
mod world;
