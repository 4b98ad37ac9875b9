//! A beacon node's events, duties and configuration.
