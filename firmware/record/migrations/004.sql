-- The calibration that the result rests on: objective/number and the beginning of
-- its hash; empty where there was none.
ALTER TABLE wafer ADD COLUMN calibration TEXT NOT NULL DEFAULT '';
