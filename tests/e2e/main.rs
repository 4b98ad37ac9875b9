//! The end-to-end tests, one module for each operation of the Builder API and one for each promise that spans them.

mod architecture;
mod beacon;
mod bids;
mod cli;
mod get_header;
mod lifecycle;
mod malformed;
mod register_validator;
mod relay_faults;
mod submit_blinded_block;
