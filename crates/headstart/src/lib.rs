//! headstart: the binary.
