-- How many decimals the prices of a series have, and finest candles that are incomplete.

-- The decimals that prices commonly have: of each of open, high, low and close six of ten of the last ones have no more,
-- and the finest of the four counts. Most recordings have some prices with more, where somebody took a mean: in the sample, a
-- quarter of the last opens of ETH, which moves in steps of 0.01. A cast to numeric keeps 15 significant digits:
-- beyond them a float has only noise.
CREATE FUNCTION common_price_decimals(of_series bigint, of_finest integer) RETURNS smallint LANGUAGE sql STABLE AS $$
    SELECT least(coalesce(max(decimals), 2), 28)::smallint
    FROM (SELECT percentile_disc(0.6) WITHIN GROUP (ORDER BY min_scale(price::numeric)) AS decimals
          FROM (SELECT open, high, low, close FROM candles
                WHERE series_id = of_series AND "interval" = of_finest ORDER BY open_time DESC LIMIT 1000) AS last,
               LATERAL (VALUES (1, open), (2, high), (3, low), (4, close)) AS prices (figure, price)
          GROUP BY figure) AS figures
$$;

-- Decimals of the tick size: those that an exchange gives, otherwise those of what was recorded.
ALTER TABLE series ADD COLUMN price_decimals smallint NOT NULL DEFAULT 2 CHECK (price_decimals BETWEEN 0 AND 28);

UPDATE series SET price_decimals = common_price_decimals(id, finest);

-- `bars` is the number of complete finest candles in a row: an incomplete finest candle counts 0. Constraints of the parent
-- and of its partitions are dropped and added together. All that is stored has passed the stricter check before: NOT VALID
-- spares reading it again while everybody waits. New rows and new partitions are checked.
ALTER TABLE candles DROP CONSTRAINT candles_check;
ALTER TABLE candles ADD CONSTRAINT candles_check
    CHECK (bars >= 0 AND low > 0 AND low <= open AND low <= close AND high >= open AND high >= close AND volume >= 0)
    NOT VALID;
