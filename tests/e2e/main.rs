//! The end-to-end tests, one module for each operation of the Builder API and one for each promise that spans them.

mod access;
mod agent;
mod architecture;
mod beacon;
mod bids;
mod cli;
mod demo;
mod deploy;
mod durability;
mod explain_slot;
mod get_header;
mod header_stream;
mod health;
mod isolation;
mod lifecycle;
mod malformed;
mod operators;
mod postgres_gone;
mod processes;
mod register_validator;
mod relay_faults;
mod reorg;
mod scale_out;
mod submit_blinded_block;
mod value;
