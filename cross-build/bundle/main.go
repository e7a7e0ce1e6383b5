// Command bundle makes update bundles, and the keys that sign them. Its keys and
// signatures are minisign's.
//
//	bundle keygen --key kensa.key                    a new key pair: kensa.key and kensa.pub
//	bundle make --key kensa.key --program FILE --version V --arch A --out FILE
//	bundle manifest --version V --arch A             what a bundle or package says of its program
//
// A key's password is read from the first line of standard input; an empty one
// leaves the key unencrypted.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"aead.dev/minisign"
	"github.com/alecthomas/kong"

	"kensa/firmware/record"
	"kensa/firmware/update"
	"kensa/vision/durable"
)

type commands struct {
	Keygen   keygen   `cmd:"" help:"Make a key pair."`
	Make     makeIt   `cmd:"" help:"Make a signed bundle of a program."`
	Manifest manifest `cmd:"" help:"Print a program's manifest."`
}

// described is what a program is.
type described struct {
	Version string `required:"" help:"Version, in Debian's form."`
	Arch    string `required:"" help:"Architecture: arm64, amd64."`
}

func (d described) manifest() (update.Manifest, error) {
	oldest, newest, err := record.Schemas()
	return update.Manifest{Product: "kensa", Version: d.Version, Arch: d.Arch, SchemaMin: oldest, Schema: newest}, err
}

type manifest struct{ described }

// Run prints the manifest on one line.
func (m *manifest) Run() error {
	manifest, err := m.manifest()
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(manifest)
}

type keygen struct {
	Key string `required:"" help:"File of the private key; the public one goes beside it, with .pub."`
}

// Run makes a key pair. It overwrites none.
func (k *keygen) Run() error {
	public := strings.TrimSuffix(k.Key, ".key") + ".pub"
	for _, path := range []string{k.Key, public} {
		if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%s: is there already; name another file", path)
		}
	}
	password, err := readPassword()
	if err != nil {
		return err
	}
	pub, private, err := minisign.GenerateKey(nil)
	if err != nil {
		return err
	}
	secret, err := private.MarshalText()
	if err == nil && password != "" {
		secret, err = minisign.EncryptKey(password, private)
	}
	if err != nil {
		return err
	}
	open, err := pub.MarshalText()
	if err != nil {
		return err
	}
	if err := write(k.Key, 0o600, secret); err != nil {
		return err
	}
	return write(public, 0o644, open)
}

func write(path string, mode os.FileMode, text []byte) error {
	return durable.WriteFile(path, mode, func(w io.Writer) error {
		_, err := w.Write(append(text, '\n'))
		return err
	})
}

// readPassword reads one line and not a byte more: the next bundle's is behind it.
func readPassword() (string, error) {
	var line []byte
	for b := make([]byte, 1); ; {
		n, err := os.Stdin.Read(b)
		if errors.Is(err, io.EOF) || n == 1 && b[0] == '\n' {
			return strings.TrimRight(string(line), "\r"), nil
		}
		if err != nil {
			return "", err
		}
		line = append(line, b[:n]...)
	}
}

type makeIt struct {
	described
	Key     string `required:"" type:"existingfile" help:"File of the private key."`
	Program string `required:"" type:"existingfile" help:"The program, static."`
	Out     string `required:"" help:"File of the bundle."`
}

// Run writes the bundle.
func (m *makeIt) Run() error {
	manifest, err := m.manifest()
	if err != nil {
		return err
	}
	key, err := readKey(m.Key)
	if err != nil {
		return err
	}
	program, err := os.ReadFile(m.Program)
	if err != nil {
		return err
	}
	return durable.WriteFile(m.Out, 0o644, func(w io.Writer) error { return update.WriteBundle(w, manifest, program, key) })
}

func readKey(path string) (key minisign.PrivateKey, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return key, err
	}
	if !minisign.IsEncrypted(text) {
		if err := key.UnmarshalText(text); err != nil {
			return key, fmt.Errorf("%s: not a minisign private key: %w", path, err)
		}
		return key, nil
	}
	password, err := readPassword()
	if err != nil {
		return key, err
	}
	if key, err = minisign.DecryptKey(password, text); err != nil {
		return key, fmt.Errorf("%s: not a minisign private key, or not its password: %w", path, err)
	}
	return key, nil
}

func main() {
	var c commands
	parsed := kong.Parse(&c, kong.Name("bundle"), kong.Description("Make update bundles of Kensa, and the keys that sign them."))
	if err := parsed.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "bundle: error:", err)
		os.Exit(1)
	}
}
