-- What a rejection held of a person who was erased goes; that something was rejected, where, when and why stays.

ALTER TABLE pcare.rejections ADD COLUMN erased boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN pcare.rejections.erased IS
    'What told of a person was taken out since: the bytes, their errors and the id of the event. See docs/erasure.md.';

-- Whoever sets the mark says nothing else: what becomes of the row follows from the row alone. So a right to erase is no
-- right to write, and a rebuild makes of an older row the very text that is on the topic.
CREATE FUNCTION pcare.redact_rejection() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog
AS $$
DECLARE
    said CONSTANT json := OLD.published;
    -- a claim of 32 hexadecimal digits could be a pseudonym; no provider's source has as many
    source CONSTANT text := CASE WHEN OLD.source !~* '[0-9a-f]{32}' THEN OLD.source END;
BEGIN
    IF OLD.erased AND NOT NEW.erased THEN
        RAISE EXCEPTION 'what was taken out of a rejection is gone' USING ERRCODE = 'check_violation';
    END IF;
    NEW := OLD;
    NEW.erased := true;
    NEW.errors := '[]';
    NEW.evidence := NULL;
    NEW.redacted := true;
    NEW.source := source;
    NEW.id := NULL;
    NEW.published := format(
        '{"specversion":%s,"id":%s,"source":%s,"type":%s,"subject":%s,"time":%s,"datacontenttype":%s,"origin":%s,'
        '"rulesversion":%s,"data":{"type":%s,"title":%s,"status":%s,"detail":%s,"reason":%s,"errors":[],'
        '"event_source":%s,"event_id":null,"evidence":null,"redacted":true,"size":%s,"sha256":null,"erased":true}}',
        said -> 'specversion', said -> 'id', said -> 'source', said -> 'type', said -> 'subject', said -> 'time',
        said -> 'datacontenttype', said -> 'origin', said -> 'rulesversion', said -> 'data' -> 'type',
        said -> 'data' -> 'title', said -> 'data' -> 'status', said -> 'data' -> 'detail', said -> 'data' -> 'reason',
        coalesce(to_json(source)::text, 'null'), said -> 'data' -> 'size'
    )::json;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION pcare.redact_rejection IS 'Makes of a change of the mark `erased` all that it means, and nothing else.';
CREATE TRIGGER redacted BEFORE UPDATE OF erased ON pcare.rejections
    FOR EACH ROW WHEN (OLD.erased OR NEW.erased) EXECUTE FUNCTION pcare.redact_rejection();
ALTER TABLE pcare.rejections ENABLE ALWAYS TRIGGER redacted;

UPDATE pcare.rights SET operator = 'SELECT, INSERT, UPDATE (erased)' WHERE relation = 'rejections';
