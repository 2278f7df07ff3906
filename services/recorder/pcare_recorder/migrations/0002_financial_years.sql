-- Financial years run from 1 April 00:00 in Europe/London to the next, and are written 2023/24.

CREATE FUNCTION pcare.london_instant(wall timestamp) RETURNS timestamptz
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN wall AT TIME ZONE 'Europe/London';
COMMENT ON FUNCTION pcare.london_instant IS
    'The instant of a wall clock time in London. An hour that happens twice or never means the later of its readings, so that a plan never lapses early.';

CREATE FUNCTION pcare.twelve_months_after(instant timestamptz) RETURNS timestamptz
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN pcare.london_instant((instant AT TIME ZONE 'Europe/London') + interval '12 months');
COMMENT ON FUNCTION pcare.twelve_months_after IS
    'The same wall clock time in London 12 calendar months on; after 29 February comes 28 February.';

CREATE FUNCTION pcare.financial_year_start(first_calendar_year integer) RETURNS timestamptz
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN pcare.london_instant(make_timestamp(first_calendar_year, 4, 1, 0, 0, 0));
COMMENT ON FUNCTION pcare.financial_year_start IS 'The first instant of a financial year, named by the calendar year it begins in.';

CREATE FUNCTION pcare.financial_year_number(instant timestamptz) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN extract(year FROM (instant AT TIME ZONE 'Europe/London') - interval '3 months')::integer;
COMMENT ON FUNCTION pcare.financial_year_number IS 'The calendar year in which the financial year of an instant begins.';

CREATE FUNCTION pcare.financial_year_label(first_calendar_year integer) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN first_calendar_year || '/' || lpad(((first_calendar_year + 1) % 100)::text, 2, '0');

CREATE FUNCTION pcare.financial_year(instant timestamptz) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN pcare.financial_year_label(pcare.financial_year_number(instant));
COMMENT ON FUNCTION pcare.financial_year IS 'The financial year of an instant, such as 2023/24.';

CREATE FUNCTION pcare.financial_year_bounds(
    year text, OUT starts timestamptz, OUT ends timestamptz
) RETURNS record
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    SELECT pcare.financial_year_start(left(year, 4)::integer), pcare.financial_year_start(left(year, 4)::integer + 1)
$$;
COMMENT ON FUNCTION pcare.financial_year_bounds IS 'The first instant of a year such as 2023/24, and the first one after it.';
