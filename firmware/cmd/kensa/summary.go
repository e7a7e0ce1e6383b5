package main

import (
	"fmt"
	"io"
	"path/filepath"
	"text/tabwriter"

	"kensa/firmware/appliance"
	"kensa/firmware/record"
	"kensa/vision/wafer"
)

// summary counts what a simulation did, lot by lot.
type summary struct {
	lots  []*lotSummary
	total lotSummary
}

type lotSummary struct {
	name                                  string
	wafers, incomplete, good, bad         int
	dies, inspected, goodDies, defectives int
}

func (s *summary) add(w *record.Wafer) {
	if len(s.lots) == 0 || s.lots[len(s.lots)-1].name != w.Material.Lot {
		s.lots = append(s.lots, &lotSummary{name: w.Material.Lot})
	}
	s.total.name = "all"
	for _, l := range []*lotSummary{s.lots[len(s.lots)-1], &s.total} {
		l.add(w)
	}
}

func (l *lotSummary) add(w *record.Wafer) {
	l.wafers++
	switch w.Summary.Verdict {
	case wafer.Pass:
		l.good++
	case wafer.Fail:
		l.bad++
	default:
		l.incomplete++
	}
	l.dies += w.Summary.Dies
	l.inspected += w.Summary.Inspected
	l.goodDies += w.Summary.Good
	l.defectives += w.Summary.Defects
}

func (s *summary) print(to io.Writer) error {
	t := tabwriter.NewWriter(to, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "\nLOT\tWAFERS\tGOOD\tBAD\tINCOMPLETE\tDIES\tINSPECTED\tYIELD\tDEFECTS\t")
	for _, l := range append(s.lots, &s.total) {
		yield := wafer.Yield(float64(l.goodDies) / float64(l.inspected))
		fmt.Fprintf(t, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t%v\t%d\t\n", l.name, l.wafers, l.good, l.bad, l.incomplete, l.dies, l.inspected, yield, l.defectives)
	}
	return t.Flush()
}

// conclude prints what came of a run of so many wafers, and fails unless each
// was inspected, recorded and acknowledged. A run without a number has no such
// duty.
func (s *simulateLine) conclude(c console, service *warningService) error {
	if s.summary.total.wafers > 0 {
		if err := s.summary.print(c.out); err != nil {
			return err
		}
	}
	count, err := s.count(c, service)
	if err != nil {
		return err
	}
	fmt.Fprintf(c.out, "%d wafers inspected, %d recorded, %d acknowledged by the warning service\n", count.inspected, count.recorded, count.acknowledged)
	switch {
	case s.Wafers == 0:
		return nil
	case c.Err() != nil:
		return fail(exitIncomplete, fmt.Errorf("stopped after %d of %d wafers", s.summary.total.wafers, s.Wafers), "")
	case count != counts{s.Wafers, s.Wafers, s.Wafers}:
		return fail(exitIncomplete, fmt.Errorf("wafers: %d inspected, %d recorded, %d acknowledged; want %d of each",
			count.inspected, count.recorded, count.acknowledged, s.Wafers), "")
	}
	return nil
}

type counts struct{ inspected, recorded, acknowledged int }

// count asks the database and the warning service, not this program's memory.
func (s *simulateLine) count(c console, service *warningService) (n counts, err error) {
	reader, err := record.OpenReadOnly(c.without(), filepath.Join(s.State, appliance.DatabaseName))
	if err != nil {
		return n, err
	}
	defer reader.Close()
	wafers, err := reader.Wafers(c.without(), record.Filter{Limit: s.summary.total.wafers})
	if err != nil {
		return n, err
	}
	if s.summary.total.wafers == 0 {
		wafers = nil
	}
	for _, w := range wafers {
		n.recorded++
		if w.Summary.Verdict != wafer.Incomplete {
			n.inspected++
		}
	}
	numbering, err := reader.Numbering(c.without(), record.Ledger)
	if err != nil {
		return n, err
	}
	committed, err := service.committed(c.without(), reader.Epoch())
	if err != nil {
		return n, err
	}
	// What this run committed are the last of the epoch's numbers.
	missing := int(numbering.Last - min(committed, numbering.Last))
	n.acknowledged = max(0, s.summary.total.wafers-missing)
	return n, nil
}
