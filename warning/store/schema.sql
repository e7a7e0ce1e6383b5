-- Times are nanoseconds since 1970, UTC.

CREATE TABLE stream (
	id       INTEGER PRIMARY KEY AUTOINCREMENT, -- grows with the epochs of a node
	node     TEXT NOT NULL,
	epoch    TEXT NOT NULL,
	begun    INTEGER NOT NULL,
	position INTEGER NOT NULL, -- up to here without gaps, what is lost included
	UNIQUE (node, epoch)
) STRICT;

CREATE TABLE record (
	stream   INTEGER NOT NULL REFERENCES stream (id),
	seq      INTEGER NOT NULL,
	received INTEGER NOT NULL,
	body     BLOB NOT NULL, -- what the node signed
	PRIMARY KEY (stream, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE lost (
	stream INTEGER NOT NULL REFERENCES stream (id),
	first  INTEGER NOT NULL,
	last   INTEGER NOT NULL,
	noted  INTEGER NOT NULL,
	PRIMARY KEY (stream, first)
) STRICT, WITHOUT ROWID;
