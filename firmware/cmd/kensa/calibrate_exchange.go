package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"aead.dev/minisign"

	"kensa/calibration/store"
	"kensa/firmware/appliance"
	"kensa/vision/durable"
)

// vouched is the part of the commands that ask whose signature counts.
type vouched struct {
	calibrated
	Keys string `type:"existingdir" help:"Folder of minisign public keys (*.pub), instead of calibration.keys."`
}

type calibrateVerifyCommand struct {
	vouched
	Number int `arg:"" optional:"" help:"Number in the history; the one in use unless given."`
}

// Run checks every checksum of a calibration, that it is this station's and
// holds, and, where there are keys, its signature.
func (k *calibrateVerifyCommand) Run(c console) error {
	s, objective, n, err := k.which(k.Number)
	if err != nil {
		return err
	}
	was, err := s.Read(objective, n)
	if err != nil {
		return explainStore(err)
	}
	here, keys, err := k.trusted(objective)
	if err != nil {
		return err
	}
	if err := was.Fits(here, time.Now()); err != nil {
		return explainStore(err)
	}
	if keys == nil {
		_, err := fmt.Fprintf(c.out, "number %d of objective %s: every checksum fits; no keys given, so nobody vouches for it\n", n, objective)
		return err
	}
	if err := s.Verify(objective, n, keys); err != nil {
		return explainStore(err)
	}
	signature, err := s.Signature(objective, n)
	if err != nil {
		return explainStore(err)
	}
	_, err = fmt.Fprintf(c.out, "number %d of objective %s: every checksum fits; %s\n", n, objective, signature.TrustedComment)
	return err
}

// trusted is what stands here and whose signature counts.
func (k *vouched) trusted(objective string) (store.Station, []minisign.PublicKey, error) {
	loaded, err := k.load()
	if err != nil {
		return store.Station{}, nil, err
	}
	if k.Keys != "" {
		loaded.Calibration.Keys, err = filepath.Abs(k.Keys)
		if err != nil {
			return store.Station{}, nil, err
		}
	}
	loaded.Calibration.Objective = objective
	keys, err := appliance.CalibrationKeys(loaded)
	return appliance.CalibratedStation(loaded), keys, fail(exitUsage, err, "")
}

type calibrateSignCommand struct {
	calibrated
	Number       int    `arg:"" optional:"" help:"Number in the history; the one in use unless given."`
	Key          string `required:"" type:"existingfile" help:"minisign secret key."`
	PasswordFile string `type:"existingfile" help:"File whose first line is the key's password, instead of asking."`
	Password     string `env:"KENSA_KEY_PASSWORD" hidden:""`
	By           string `help:"Who signs; the user's own name unless given."`
}

// Run signs a calibration by a minisign key.
func (k *calibrateSignCommand) Run(c console) error {
	s, objective, n, err := k.which(k.Number)
	if err != nil {
		return err
	}
	by, err := whoever(k.By)
	if err != nil {
		return err
	}
	key, err := k.key(c)
	if err != nil {
		return err
	}
	if err := s.Sign(objective, n, key, by, time.Now()); err != nil {
		return explainStore(err)
	}
	_, err = fmt.Fprintf(c.out, "number %d of objective %s signed by %s\n", n, objective, by)
	return err
}

// key reads the secret key, and its password where it has one.
func (k *calibrateSignCommand) key(c console) (key minisign.PrivateKey, err error) {
	text, err := os.ReadFile(k.Key)
	if err != nil {
		return key, fail(exitInput, err, "")
	}
	if !minisign.IsEncrypted(text) {
		if err := key.UnmarshalText(text); err != nil {
			return key, fail(exitInput, fmt.Errorf("%s: not a minisign secret key: %w", k.Key, err), "")
		}
		return key, nil
	}
	password, err := k.password(c)
	if err != nil {
		return key, fail(exitUsage, err, "give it by --password-file or KENSA_KEY_PASSWORD")
	}
	if key, err = minisign.DecryptKey(password, text); err != nil {
		return key, fail(exitInput, fmt.Errorf("%s: not a minisign secret key, or not its password: %w", k.Key, err), "")
	}
	return key, nil
}

func (k *calibrateSignCommand) password(c console) (string, error) {
	switch {
	case k.PasswordFile != "":
		f, err := os.Open(k.PasswordFile)
		if err != nil {
			return "", err
		}
		defer f.Close()
		return firstLine(f)
	case k.Password != "":
		return k.Password, nil
	}
	return askSecret(c, "password of "+k.Key+": ")
}

type calibrateExportCommand struct {
	calibrated
	File   string `arg:"" type:"path" help:"File to write, a tar."`
	Number int    `arg:"" optional:"" help:"Number in the history; the one in use unless given."`
}

// Run writes one calibration to a file.
func (k *calibrateExportCommand) Run(c console) error {
	s, objective, n, err := k.which(k.Number)
	if err != nil {
		return err
	}
	if err := durable.WriteFile(k.File, 0o644, func(w io.Writer) error { return s.Export(objective, n, w) }); err != nil {
		return explainStore(err)
	}
	_, err = fmt.Fprintf(c.out, "number %d of objective %s written to %s\n", n, objective, filepath.Base(k.File))
	return err
}

type calibrateImportCommand struct {
	vouched
	File string `arg:"" type:"existingfile" help:"File that export wrote."`
	Use  bool   `help:"Put it in use."`
}

// Run adds an exported calibration to the history of this station.
func (k *calibrateImportCommand) Run(c console) error {
	s, objective, err := k.kept()
	if err != nil {
		return err
	}
	here, keys, err := k.trusted(objective)
	if err != nil {
		return err
	}
	f, err := os.Open(k.File)
	if err != nil {
		return fail(exitInput, err, "")
	}
	defer f.Close()
	got, err := s.Import(f, here, keys)
	if errors.Is(err, store.ErrConflict) {
		return fail(exitInput, err, "what is here is never replaced; `kensa calibrate history` lists it")
	}
	if err != nil {
		return explainStore(fmt.Errorf("%s: %w", filepath.Base(k.File), err))
	}
	fmt.Fprintf(c.out, "number %d of objective %s imported\n", got.Number, objective)
	if !k.Use {
		_, err := fmt.Fprintf(c.out, "`kensa calibrate use %d` puts it in use\n", got.Number)
		return err
	}
	use := calibrateUseCommand{calibrated: k.calibrated, Number: got.Number}
	return use.Run(c)
}

func sorted(names []string) []string {
	slices.Sort(names)
	return names
}
