package main

import (
	"errors"
	"fmt"
	"time"

	"kensa/firmware/record"
)

// auditCommand reads the audit log.
type auditCommand struct {
	List   auditList   `cmd:"" default:"withargs" help:"List who ordered what, and what became of it."`
	Verify auditVerify `cmd:"" help:"Check that no entry was changed, removed, added or moved."`
}

type auditList struct {
	configured
	Last int  `short:"n" default:"50" help:"How many entries, the last ones; 0 lists all."`
	JSON bool `help:"Print JSON."`
}

// auditEntry is an entry as it is printed.
type auditEntry struct {
	Seq    uint64    `json:"seq"`
	Time   time.Time `json:"time"`
	Origin string    `json:"origin"`
	Who    string    `json:"who"`
	What   string    `json:"what"`
	Detail string    `json:"detail"`
	Result string    `json:"result"`
	Hash   string    `json:"hash"`
}

// Run prints the entries, oldest first.
func (a *auditList) Run(c console) error {
	reader, err := a.open(c)
	if err != nil {
		return err
	}
	defer reader.Close()
	entries, err := reader.AuditLog(c, a.Last)
	if err != nil {
		return fail(exitInput, err, "")
	}
	printed := make([]auditEntry, len(entries))
	for n, e := range entries {
		printed[n] = auditEntry{e.Seq, e.Time, string(e.Origin), e.Who, e.What, e.Detail, e.Result, e.Hash.String()}
	}
	if a.JSON {
		return printJSON(c.out, printed)
	}
	for _, e := range printed {
		_, err := fmt.Fprintf(c.out, "%5d  %s  %-8s  %-20q  %-10s  %s  → %s\n",
			e.Seq, e.Time.Local().Format(time.DateTime), e.Origin, e.Who, e.What, e.Detail, e.Result)
		if err != nil {
			return err
		}
	}
	return nil
}

type auditVerify struct {
	configured
	Noted string `help:"Hash of an entry as it was noted elsewhere: it must still be there."`
	JSON  bool   `help:"Print JSON."`
}

// Run checks the chain and prints its end, to be noted elsewhere.
func (a *auditVerify) Run(c console) error {
	reader, err := a.open(c)
	if err != nil {
		return err
	}
	defer reader.Close()
	last, err := reader.VerifyAudit(c, a.Noted)
	if errors.Is(err, record.ErrTampered) {
		return fail(exitFailed, err, "keep the database as it is, and compare it with a backup")
	}
	if err != nil {
		return fail(exitInput, err, "")
	}
	if a.JSON {
		return printJSON(c.out, map[string]any{"entries": last.Seq, "hash": last.Hash.String()})
	}
	_, err = fmt.Fprintf(c.out, "whole: %d entries; the last has the hash %s\n", last.Seq, last.Hash)
	return err
}
