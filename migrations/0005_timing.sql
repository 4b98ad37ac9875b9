-- Moments that fit how a cluster comes to its block, for how long its first header stays its header, and how many asks of
-- a relay may follow one another at once.
ALTER TABLE clusters ADD COLUMN sticky_ms BIGINT;
ALTER TABLE clusters ADD COLUMN timing TEXT;
ALTER TABLE claims ADD COLUMN sticky_ms BIGINT;
ALTER TABLE claims ADD COLUMN timing TEXT;
ALTER TABLE relays ADD COLUMN burst BIGINT;
