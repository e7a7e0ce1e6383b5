package main

import (
	"errors"
	"fmt"
	"time"

	paper "kensa/calibration/report"
	"kensa/calibration/store"
	"kensa/firmware/version"
	"kensa/vision/durable"
)

type calibrateReportCommand struct {
	vouched
	Number int    `arg:"" optional:"" help:"Number in the history; the one in use unless given."`
	Before int    `help:"Number to compare with; the one before unless given."`
	Out    string `required:"" type:"path" help:"HTML file to write; it needs no other file, and prints on A4."`
}

// Run writes a calibration's report.
func (k *calibrateReportCommand) Run(c console) error {
	s, objective, n, err := k.which(k.Number)
	if err != nil {
		return err
	}
	r := paper.Report{Made: time.Now(), Software: "kensa " + version.Version}
	if r.Calibration, err = s.Read(objective, n); err != nil {
		return explainStore(err)
	}
	if r.Before, err = k.before(s, objective, n); err != nil {
		return err
	}
	if r.Signature, r.Verified, err = k.signature(s, objective, n); err != nil {
		return err
	}
	if err := durable.WriteFile(k.Out, 0o644, r.Write); err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.out, "report of number %d of objective %s: %s\n", n, objective, k.Out)
	return err
}

// before is what is compared with; nil for the first of a history.
func (k *calibrateReportCommand) before(s store.Store, objective string, n int) (*store.Calibration, error) {
	was := k.Before
	if was == 0 {
		var err error
		if was, err = s.Before(objective, n); err != nil || was == 0 {
			return nil, explainStore(err)
		}
	}
	c, err := s.Read(objective, was)
	return c, explainStore(err)
}

// signature is what the signature says, and whether a key vouches for it.
func (k *calibrateReportCommand) signature(s store.Store, objective string, n int) (says, verified string, err error) {
	signature, err := s.Signature(objective, n)
	if errors.Is(err, store.ErrUnsigned) {
		return "", "", nil
	}
	if err != nil {
		return "", "", explainStore(err)
	}
	_, keys, err := k.trusted(objective)
	switch {
	case err != nil:
		return "", "", err
	case keys == nil:
		return signature.TrustedComment, "not verified: no keys were given", nil
	}
	if err := s.Verify(objective, n, keys); err != nil {
		return signature.TrustedComment, "NOT VALID: " + err.Error(), nil
	}
	return signature.TrustedComment, "verified by minisign", nil
}
