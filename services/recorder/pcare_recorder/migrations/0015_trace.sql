-- Which trace a row belongs to, and that of what is published of it: nothing while tracing is off.
--
-- The whole header, and not only the id of the trace: what is published again after a restart is the same to the byte,
-- headers included. It is a header of the record too, so a rebuild restores it. A row without costs no byte more than
-- before: published has five columns, whose bits fit into what was padding; rejections had such bits already.

ALTER TABLE pcare.published ADD COLUMN traceparent text COLLATE "C";
COMMENT ON COLUMN pcare.published.traceparent IS
    'The header traceparent (W3C) of the record on interventions.recorded; null where nobody followed the event.';

ALTER TABLE pcare.rejections ADD COLUMN traceparent text COLLATE "C";
COMMENT ON COLUMN pcare.rejections.traceparent IS
    'The header traceparent (W3C) of the record on interventions.rejected; null where nobody followed the record.';
