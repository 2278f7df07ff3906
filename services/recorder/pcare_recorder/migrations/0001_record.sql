-- What the recorder keeps. Written only by the recorder and by its rebuild; everything is in the schema pcare.

CREATE TABLE pcare.rules (
    version   text PRIMARY KEY,
    document  json NOT NULL
);
COMMENT ON TABLE pcare.rules IS
    'Every rules version (schemas, code lists, provider register) that ever gave a verdict, so that it can be given again.';

CREATE TABLE pcare.interventions (
    source            text        NOT NULL,
    id                text        NOT NULL,
    kind              text        NOT NULL,
    subject           text        NOT NULL,
    occurred_at       timestamptz NOT NULL,
    borough           text,
    ref_source        text,
    ref               text,
    retracts          text,
    content_sha256    bytea       NOT NULL CHECK (octet_length(content_sha256) = 32),
    recorded_at       timestamptz NOT NULL,
    rules_version     text        NOT NULL,
    origin_topic      text        NOT NULL,
    origin_partition  integer     NOT NULL,
    origin_offset     bigint      NOT NULL,
    -- json, not jsonb: what is published again after a restart is the same to the byte
    published         json        NOT NULL,
    -- An event is its (source, id), for ever. Never partition this table by time: PostgreSQL would then enforce
    -- the key only within a partition.
    PRIMARY KEY (source, id),
    UNIQUE (origin_topic, origin_partition, origin_offset),
    CHECK ((ref IS NULL) = (ref_source IS NULL))
);
COMMENT ON COLUMN pcare.interventions.subject IS 'As in the log: a person is person:<uuid>, never a pseudonym.';
COMMENT ON COLUMN pcare.interventions.occurred_at IS 'The event''s time: decides its financial year.';
COMMENT ON COLUMN pcare.interventions.ref_source IS 'Who gave the ref: the event''s ref_source, else its source.';
COMMENT ON COLUMN pcare.interventions.recorded_at IS 'The broker''s timestamp of the submitted record; no clock is read.';
COMMENT ON COLUMN pcare.interventions.published IS 'The text on interventions.recorded, to the byte.';

CREATE TABLE pcare.subjects (
    pseudonym         text        PRIMARY KEY,
    subject_id        uuid        NOT NULL,
    linked_at         timestamptz NOT NULL,
    rules_version     text        NOT NULL,
    origin_topic      text        NOT NULL,
    origin_partition  integer     NOT NULL,
    origin_offset     bigint      NOT NULL
);
-- finds what a stretch of offsets linked, to publish it again
CREATE INDEX subjects_origin ON pcare.subjects (origin_topic, origin_partition, origin_offset);
-- finds every pseudonym of a person: for erasure, and to tell an erased person from a stranger
CREATE INDEX subjects_subject_id ON pcare.subjects (subject_id);
COMMENT ON TABLE pcare.subjects IS
    'Pseudonym to subject id. Deleting a row erases the person; the log and all closed years stay as they are.';

CREATE TABLE pcare.rejections (
    origin_topic      text        NOT NULL,
    origin_partition  integer     NOT NULL,
    origin_offset     bigint      NOT NULL,
    reason            text        NOT NULL,
    errors            json        NOT NULL,
    sender            text,
    source            text,
    id                text,
    received_at       timestamptz NOT NULL,
    evidence          bytea,
    redacted          boolean     NOT NULL,
    rules_version     text        NOT NULL,
    published         json        NOT NULL,
    PRIMARY KEY (origin_topic, origin_partition, origin_offset)
);
COMMENT ON COLUMN pcare.rejections.sender IS 'The provider whose own topic it came by; null where it came by ingest.';
COMMENT ON COLUMN pcare.rejections.source IS 'As claimed, where it could be read and identifies nobody; so is id.';

CREATE TABLE pcare.cursors (
    topic        text    NOT NULL,
    partition    integer NOT NULL,
    base_offset  bigint  NOT NULL CHECK (base_offset >= 0),
    next_offset  bigint  NOT NULL,
    recorded     bigint  NOT NULL DEFAULT 0 CHECK (recorded >= 0),
    duplicates   bigint  NOT NULL DEFAULT 0 CHECK (duplicates >= 0),
    rejected     bigint  NOT NULL DEFAULT 0 CHECK (rejected >= 0),
    PRIMARY KEY (topic, partition),
    -- the rest are control records and records of aborted transactions
    CHECK (recorded + duplicates + rejected <= next_offset - base_offset)
) WITH (fillfactor = 50);
COMMENT ON TABLE pcare.cursors IS
    'How far each partition of the submitted topics is judged: everything below next_offset, counted from base_offset.';
