-- Minutes in a table a month, so that old ones can be dropped at no cost; first and last bar in the row of their series, so
-- that nobody has to look for them in every month.

ALTER TABLE series ADD COLUMN first_open bigint, ADD COLUMN last_open bigint;

UPDATE series s SET
    first_open = (SELECT min(open_time) FROM candles WHERE series_id = s.id AND "interval" = s.finest),
    last_open = (SELECT max(open_time) FROM candles WHERE series_id = s.id AND "interval" = s.finest);

ALTER TABLE candles RENAME TO candles_coarser;
ALTER INDEX candles_pkey RENAME TO candles_coarser_pkey;

CREATE TABLE candles (
    series_id bigint NOT NULL,
    "interval" integer NOT NULL, -- seconds
    open_time bigint NOT NULL,   -- Unix ms
    bars integer NOT NULL,       -- how many of the finest candles are in it; 1 for those themselves
    open double precision NOT NULL,
    high double precision NOT NULL,
    low double precision NOT NULL,
    close double precision NOT NULL,
    volume double precision NOT NULL,
    PRIMARY KEY (series_id, "interval", open_time),
    CONSTRAINT candles_check
        CHECK (bars > 0 AND low > 0 AND low <= open AND low <= close AND high >= open AND high >= close AND volume >= 0)
) PARTITION BY LIST ("interval");

CREATE TABLE candles_1m PARTITION OF candles FOR VALUES IN (60) PARTITION BY RANGE (open_time);

-- Makes the tables of minutes for the months from one time to another, as far as they are missing. Attaching lets others read
-- and write meanwhile, which creating a partition does not.
CREATE FUNCTION make_months(from_ms bigint, to_ms bigint) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    month timestamp := date_trunc('month', to_timestamp(from_ms / 1000) AT TIME ZONE 'UTC');
    name text;
    made integer := 0;
BEGIN
    WHILE month <= to_timestamp(to_ms / 1000) AT TIME ZONE 'UTC' LOOP
        name := 'candles_1m_' || to_char(month, 'YYYY_MM');
        IF to_regclass(name) IS NULL THEN
            -- One at a time, by the lock that attaching takes anyway; whoever waited finds it made. Waiting for a table also
            -- brings in what others made meanwhile: after an advisory lock the look-up below could miss it.
            LOCK TABLE candles_1m IN SHARE UPDATE EXCLUSIVE MODE;
            IF to_regclass(name) IS NULL THEN
                EXECUTE format('CREATE TABLE %I (LIKE candles_1m INCLUDING ALL)', name);
                EXECUTE format('ALTER TABLE candles_1m ATTACH PARTITION %I FOR VALUES FROM (%s) TO (%s)', name,
                    (extract(epoch FROM month) * 1000)::bigint,
                    (extract(epoch FROM month + interval '1 month') * 1000)::bigint);
                made := made + 1;
            END IF;
        END IF;
        month := month + interval '1 month';
    END LOOP;
    RETURN made;
END $$;

-- What there is moves to its month; the rest stays where it is.
DO $$
DECLARE
    month record;
BEGIN
    FOR month IN
        SELECT DISTINCT date_trunc('month', to_timestamp(open_time / 1000) AT TIME ZONE 'UTC') AS start
        FROM candles_coarser WHERE "interval" = 60
    LOOP
        PERFORM make_months((extract(epoch FROM month.start) * 1000)::bigint, (extract(epoch FROM month.start) * 1000)::bigint);
    END LOOP;
END $$;
WITH minutes AS (DELETE FROM candles_coarser WHERE "interval" = 60 RETURNING *)
INSERT INTO candles_1m SELECT * FROM minutes;

ALTER TABLE candles ATTACH PARTITION candles_coarser DEFAULT;
