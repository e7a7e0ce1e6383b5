-- The length of a defect's outline and its uncertainty (95 %), µm; 0 where it was
-- not measured.
ALTER TABLE defect ADD COLUMN size REAL NOT NULL DEFAULT 0;
ALTER TABLE defect ADD COLUMN size_uncertainty REAL NOT NULL DEFAULT 0;
