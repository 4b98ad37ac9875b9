//! Relays, beacon nodes and clusters that behave and misbehave on the wire.
