-- The decimals that prices commonly have: three of four have no more. With nine of ten, the prices of many recordings
-- where somebody took a mean would have 8: of the last 1,000 half-hours of the sample, a seventh of those of BTC, which
-- moves in steps of 0.1.
CREATE OR REPLACE FUNCTION common_price_decimals(of_series bigint, of_finest integer) RETURNS smallint LANGUAGE sql STABLE AS $$
    SELECT least(coalesce(percentile_disc(0.75) WITHIN GROUP (ORDER BY min_scale(price::text::numeric)), 2), 28)::smallint
    FROM (SELECT open, high, low, close FROM candles
          WHERE series_id = of_series AND "interval" = of_finest ORDER BY open_time DESC LIMIT 1000) AS last,
         unnest(ARRAY[open, high, low, close]) AS price
$$;

UPDATE series SET price_decimals = common_price_decimals(id, finest);
