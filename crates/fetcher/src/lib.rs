//! The relay-fetcher worker pool: runs auctions.
