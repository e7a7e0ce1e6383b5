-- The surroundings of the optics as last measured before the wafer was closed, °C
-- and per cent of relative humidity; null where nothing measured them.
ALTER TABLE wafer ADD COLUMN temperature REAL;
ALTER TABLE wafer ADD COLUMN humidity REAL;
