-- Times are nanoseconds since 1970, UTC. Lengths are micrometres.

CREATE TABLE value (
	name  TEXT PRIMARY KEY,
	value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE wafer (
	id               INTEGER PRIMARY KEY AUTOINCREMENT, -- never given twice
	carrier          TEXT NOT NULL,
	lot              TEXT NOT NULL,
	slot             INTEGER NOT NULL,
	substrate        TEXT NOT NULL,
	run              INTEGER NOT NULL,
	recipe           TEXT NOT NULL,
	recipe_version   TEXT NOT NULL,
	recipe_hash      TEXT NOT NULL,
	started          INTEGER NOT NULL,
	finished         INTEGER NOT NULL,
	fields           INTEGER NOT NULL,
	fields_inspected INTEGER NOT NULL,
	layout           TEXT NOT NULL, -- JSON
	bin_names        TEXT NOT NULL, -- JSON
	dies             INTEGER NOT NULL,
	inspected        INTEGER NOT NULL,
	good             INTEGER NOT NULL,
	defects          INTEGER NOT NULL,
	area             REAL NOT NULL, -- cm²
	verdict          TEXT NOT NULL
) STRICT;

-- The same inspection is stored once, however often its commit is tried.
CREATE UNIQUE INDEX wafer_inspection ON wafer (substrate, lot, slot, carrier, started, finished);
CREATE INDEX wafer_lot ON wafer (lot, slot);
CREATE INDEX wafer_finished ON wafer (finished);

CREATE TABLE die (
	wafer      INTEGER NOT NULL REFERENCES wafer (id) ON DELETE CASCADE,
	die_column INTEGER NOT NULL,
	die_row    INTEGER NOT NULL,
	position   INTEGER NOT NULL, -- in the layout's order
	bin        INTEGER NOT NULL,
	reason     TEXT NOT NULL,
	PRIMARY KEY (wafer, die_column, die_row)
) STRICT, WITHOUT ROWID;

CREATE TABLE defect (
	wafer      INTEGER NOT NULL,
	number     INTEGER NOT NULL,
	die_column INTEGER NOT NULL,
	die_row    INTEGER NOT NULL,
	field      INTEGER NOT NULL,
	x          REAL NOT NULL,
	y          REAL NOT NULL,
	size_x     REAL NOT NULL,
	size_y     REAL NOT NULL,
	left       INTEGER NOT NULL, -- the box in the frame, pixels, half open
	top        INTEGER NOT NULL,
	right      INTEGER NOT NULL,
	bottom     INTEGER NOT NULL,
	cx         REAL NOT NULL,
	cy         REAL NOT NULL,
	area       INTEGER NOT NULL, -- pixels
	class      TEXT NOT NULL,
	polarity   TEXT NOT NULL,
	confidence REAL NOT NULL,
	contrast   REAL NOT NULL,
	PRIMARY KEY (wafer, number),
	FOREIGN KEY (wafer, die_column, die_row) REFERENCES die ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE INDEX defect_die ON defect (wafer, die_column, die_row);

CREATE TABLE image (
	wafer  INTEGER NOT NULL,
	number INTEGER NOT NULL,
	png    BLOB NOT NULL,
	FOREIGN KEY (wafer, number) REFERENCES defect ON DELETE CASCADE
) STRICT;

CREATE UNIQUE INDEX image_defect ON image (wafer, number);

CREATE TABLE alarm (
	id       INTEGER PRIMARY KEY,
	alid     INTEGER NOT NULL,
	set_at   INTEGER NOT NULL,
	category INTEGER NOT NULL,
	severity INTEGER NOT NULL,
	text     TEXT NOT NULL,
	remedy   TEXT NOT NULL,
	detail   TEXT NOT NULL,
	count    INTEGER NOT NULL,
	latest   INTEGER NOT NULL,
	cleared  INTEGER, -- null while it is set
	ack_by   TEXT NOT NULL,
	acked    INTEGER,
	UNIQUE (alid, set_at)
) STRICT;

CREATE INDEX alarm_set_at ON alarm (set_at);

-- detail and count are what the alarm meant to this wafer; the alarm itself may
-- go on to others.
CREATE TABLE wafer_alarm (
	wafer INTEGER NOT NULL REFERENCES wafer (id) ON DELETE CASCADE,
	alarm INTEGER NOT NULL REFERENCES alarm (id) ON DELETE CASCADE,
	detail TEXT NOT NULL,
	count INTEGER NOT NULL,
	PRIMARY KEY (wafer, alarm)
) STRICT, WITHOUT ROWID;

CREATE INDEX wafer_alarm_alarm ON wafer_alarm (alarm);

-- last outlives the outbox rows, so that numbering goes on when all are gone.
CREATE TABLE plane (
	name         TEXT PRIMARY KEY,
	last         INTEGER NOT NULL,
	acknowledged INTEGER NOT NULL,
	CHECK (0 <= acknowledged AND acknowledged <= last)
) STRICT, WITHOUT ROWID;

CREATE TABLE outbox (
	plane     TEXT NOT NULL REFERENCES plane (name),
	seq       INTEGER NOT NULL,
	wafer     INTEGER REFERENCES wafer (id), -- null where it tells of none
	committed INTEGER NOT NULL,
	payload   BLOB NOT NULL,
	PRIMARY KEY (plane, seq)
) STRICT, WITHOUT ROWID;

CREATE INDEX outbox_wafer ON outbox (wafer);

INSERT INTO plane VALUES ('mes', 0, 0), ('ledger', 0, 0);
