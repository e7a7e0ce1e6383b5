-- What a host or an operator ordered, and what became of it. Rows are only ever
-- added; hash is SHA-256 over the hash before and this row (audit.go).
CREATE TABLE audit (
	seq    INTEGER PRIMARY KEY, -- from 1 without gaps
	at     INTEGER NOT NULL,
	origin TEXT NOT NULL, -- host, operator or appliance
	who    TEXT NOT NULL,
	what   TEXT NOT NULL,
	detail TEXT NOT NULL,
	result TEXT NOT NULL,
	hash   BLOB NOT NULL
) STRICT;

CREATE TRIGGER audit_keeps_rows BEFORE DELETE ON audit BEGIN
	SELECT raise(ABORT, 'the audit log is only ever added to');
END;

CREATE TRIGGER audit_keeps_content BEFORE UPDATE ON audit BEGIN
	SELECT raise(ABORT, 'the audit log is only ever added to');
END;

-- Commands of hosts by their correlation id, so that each is carried out once.
CREATE TABLE command (
	id       TEXT PRIMARY KEY,
	name     TEXT NOT NULL,
	host     TEXT NOT NULL,
	detail   TEXT NOT NULL,
	received INTEGER NOT NULL,
	answered INTEGER, -- null while it is being carried out
	code     INTEGER NOT NULL,
	reason   TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX command_answered ON command (answered);

-- What was put into the MES outbox of an alarm: 1 its setting, 2 its clearing.
ALTER TABLE alarm ADD COLUMN told INTEGER NOT NULL DEFAULT 0;
