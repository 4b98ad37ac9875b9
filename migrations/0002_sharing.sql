-- Several processes on one database: one of them tells relays of registrations, and all know what was told.

-- The number of the batch that the delivery was written in. Rows without one are older than this column, or were written
-- by a process of the version before.
ALTER TABLE deliveries ADD COLUMN revision BIGINT;
CREATE INDEX deliveries_by_revision ON deliveries (revision);
INSERT INTO revisions (name, number) VALUES ('deliveries', 0);

-- What one process at a time does. Its holder moves `turn` on again and again; whoever sees it stand still for long
-- enough takes it over. No clock is compared with another. A holder that went in good order leaves the empty text.
CREATE TABLE leases (
    name TEXT PRIMARY KEY,
    holder TEXT NOT NULL,
    turn BIGINT NOT NULL
);
