-- By when a provider normally sends, for whoever watches over silence. ingest and the recorder go by none of it.

ALTER TABLE pcare.register
    ADD COLUMN expected_by                time,
    ADD COLUMN expected_days              text[],
    ADD COLUMN expected_on_bank_holidays  boolean NOT NULL DEFAULT false,
    ADD CONSTRAINT register_expected CHECK (
        (expected_by IS NULL) = (expected_days IS NULL)
        AND expected_days <> '{}'
        AND expected_days <@ ARRAY['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun']
    );
COMMENT ON COLUMN pcare.register.expected_by IS
    'By London''s clocks, the hour by which an event has normally arrived; null: nothing is expected at any hour.';
COMMENT ON COLUMN pcare.register.expected_days IS 'The weekdays on which that holds.';
COMMENT ON COLUMN pcare.register.expected_on_bank_holidays IS 'Whether it holds on bank holidays in England too.';
