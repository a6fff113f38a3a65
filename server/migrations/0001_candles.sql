-- What is traded, who says so, and the candles of each series. Times are Unix milliseconds, UTC, as on the wire:
-- an open time is a key that is compared and divided, never shown by the database.

CREATE TABLE symbols (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    symbol text NOT NULL UNIQUE CHECK (symbol ~ '^[A-Z0-9]{1,20}$'),
    name text NOT NULL CHECK (name <> '')
);

CREATE TABLE sources (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source text NOT NULL UNIQUE CHECK (source ~ '^[a-z0-9_-]{1,32}$')
);

-- The names that the program itself uses, so that two first imports do not wait for each other.
INSERT INTO sources (source) VALUES ('recorded'), ('replay'), ('simulated'), ('binance');

-- A series has one writer at a time: whoever holds the lock of its row. Each change raises the revision to the greater
-- of its successor and the clock in microseconds, so that it grows even when the clock goes back.
CREATE TABLE series (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    symbol_id integer NOT NULL REFERENCES symbols,
    source_id integer NOT NULL REFERENCES sources,
    -- Length of the finest candles in seconds: all that is imported or fed. Coarser ones are rolled up from them.
    finest integer NOT NULL CHECK (finest IN (60, 300, 900, 1800, 3600, 14400, 86400, 604800)),
    revision bigint NOT NULL DEFAULT 0,
    UNIQUE (symbol_id, source_id, finest)
);

-- The finest candles of a series and its stored roll-ups. No foreign key: its trigger would run for every row of a bulk
-- import, and series are never deleted.
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
    CHECK (bars > 0 AND low > 0 AND low <= open AND low <= close AND high >= open AND high >= close AND volume >= 0)
);
