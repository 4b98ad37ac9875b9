//! The end-to-end tests, one module for each operation of the Builder API and one for each promise that spans them.

mod get_header;
mod relay_faults;
mod submit_blinded_block;
