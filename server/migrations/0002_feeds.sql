-- What the feeds keep.

-- Open time of the finest bar that still runs, as the series' writer last said; null where nothing runs. A running bar is
-- stored like the others, so that its count of bars does not tell it from a whole one.
ALTER TABLE series ADD COLUMN running bigint;

-- The passes of a replay are a function of these figures and the clock: which part of which recording is played, and when
-- it begins anew. Before the epoch lies one pass, moved so that it ends there.
CREATE TABLE replays (
    series_id bigint PRIMARY KEY REFERENCES series,
    recorded_id bigint NOT NULL REFERENCES series,
    first_open bigint NOT NULL, -- of the part that is played, Unix ms
    end_time bigint NOT NULL,   -- end of its last candle, Unix ms
    epoch bigint NOT NULL,      -- Unix ms
    CHECK (first_open < end_time)
);
