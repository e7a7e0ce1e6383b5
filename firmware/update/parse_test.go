package update

import (
	"bufio"
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"aead.dev/minisign"
	"pgregory.net/rapid"
)

func TestVersionsAreOrderedAsByDpkg(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"1.0", "1.0", 0}, {"1.0", "1.1", -1}, {"1.9", "1.10", -1}, {"1.0~rc1", "1.0", -1}, {"1.0", "1.0+5.gabc", -1},
		{"1.0-1", "1.0-2", -1}, {"1:0.1", "9.9", 1}, {"1.01", "1.1", 0}, {"1.0a", "1.0+", -1}, {"", "0.1", -1}, {"1.0~~", "1.0~", -1},
	} {
		if got := sign(CompareVersions(c.a, c.b)); got != c.want {
			t.Errorf("%q against %q: %d; want %d", c.a, c.b, got, c.want)
		}
		if got := sign(CompareVersions(c.b, c.a)); got != -c.want {
			t.Errorf("%q against %q: %d; want %d", c.b, c.a, got, -c.want)
		}
	}
}

func TestVersionsAgreeWithDpkg(t *testing.T) {
	dpkg, err := exec.LookPath("dpkg")
	if err != nil {
		t.Skip("no dpkg to compare with")
	}
	if testing.Short() {
		t.Skip("starts dpkg many times")
	}
	version := rapid.StringMatching(`[0-9][a-zA-Z0-9.+~]{0,6}(-[a-zA-Z0-9.+~]{1,3})?`)
	rapid.Check(t, func(t *rapid.T) {
		a, b := version.Draw(t, "a"), version.Draw(t, "b")
		relation := map[int]string{-1: "lt", 0: "eq", 1: "gt"}[sign(CompareVersions(a, b))]
		if err := exec.Command(dpkg, "--compare-versions", a, relation, b).Run(); err != nil {
			t.Fatalf("%q is not %s %q for dpkg: %v", a, relation, b, err)
		}
	})
}

func sign(n int) int { return min(1, max(-1, n)) }

// The minisign program and the bundle are each other's peers: what one signs,
// the other verifies.
func TestABundleIsWhatMinisignVerifies(t *testing.T) {
	program, err := exec.LookPath("minisign")
	if err != nil {
		t.Skip("no minisign to verify with")
	}
	r := newRig(t)
	folder := t.TempDir()
	lines := bytes.SplitN(r.bundle(release("1.1")), []byte("\n"), 6)
	write := func(name string, data []byte) {
		if err := os.WriteFile(filepath.Join(folder, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("payload.minisig", append(bytes.Join(lines[1:5], []byte("\n")), '\n'))
	write("payload", lines[5])
	verify := func() error {
		return exec.Command(program, "-V", "-p", r.Keys, "-m", filepath.Join(folder, "payload")).Run()
	}
	if err := verify(); err != nil {
		t.Errorf("minisign does not verify the bundle: %v", err)
	}
	write("payload", append(lines[5], 'x'))
	if err := verify(); err == nil {
		t.Error("minisign verifies a changed payload; the comparison proves nothing")
	}
}

func TestABundleThatMinisignSignedIsTaken(t *testing.T) {
	program, err := exec.LookPath("minisign")
	if err != nil {
		t.Skip("no minisign to sign with")
	}
	r := newRig(t)
	folder := t.TempDir()
	run := func(args ...string) {
		command := exec.Command(program, args...)
		command.Stdin = strings.NewReader("\n\n")
		if out, err := command.CombinedOutput(); err != nil {
			t.Fatalf("minisign %v: %v\n%s", args, err, out)
		}
	}
	public, private, payload := folder+"/k.pub", folder+"/k.key", folder+"/payload"
	run("-G", "-W", "-p", public, "-s", private)
	text, err := os.ReadFile(public)
	if err != nil {
		t.Fatal(err)
	}
	r.put("update.pub", text)
	_, body, _ := bytes.Cut(r.bundle(release("1.1")), []byte("{"))
	if err := os.WriteFile(payload, append([]byte("{"), body...), 0o600); err != nil {
		t.Fatal(err)
	}
	run("-S", "-H", "-c", untrusted, "-s", private, "-m", payload)
	signature, err := os.ReadFile(payload + ".minisig")
	if err != nil {
		t.Fatal(err)
	}
	whole := append([]byte(magic), signature...)
	whole = append(append(whole, '{'), body...)
	if _, err := r.Stage(t.Context(), bytes.NewReader(whole), Allow{}); err != nil {
		t.Error(err)
	}
}

func TestKeysAreReadStrictly(t *testing.T) {
	public, _, err := minisign.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]int{
		"": 0, "# none yet\n": 0, public.String(): 1,
		"untrusted comment: minisign public key X\n" + public.String() + "\n\n" + public.String() + "\n": 2,
	} {
		if keys, err := ParseKeys([]byte(text)); err != nil || len(keys) != want {
			t.Errorf("%q: %d keys, %v; want %d", text, len(keys), err, want)
		}
	}
	for _, text := range []string{"garbage", public.String()[1:], public.String() + "x"} {
		if _, err := ParseKeys([]byte(text)); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}

func FuzzReadHead(f *testing.F) {
	_, key, err := minisign.GenerateKey(nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(bundle(f, release("1.1"), key))
	f.Add([]byte(magic))
	f.Fuzz(func(t *testing.T, data []byte) {
		signed, err := readHead(bufio.NewReader(bytes.NewReader(data)))
		if err != nil {
			if !errors.Is(err, ErrFormat) {
				t.Errorf("error %v; want %v", err, ErrFormat)
			}
			return
		}
		if again := append([]byte(magic), signed.text...); !bytes.HasPrefix(data, again) {
			t.Errorf("read %q from %q", again, data)
		}
	})
}

func FuzzParseManifest(f *testing.F) {
	f.Add([]byte(`{"product":"kensa","version":"1.0","arch":"arm64","schema_min":1,"schema":2}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := ParseManifest(data)
		if err == nil && m.check() != nil {
			t.Errorf("%+v is taken: %v", m, m.check())
		}
	})
}

func FuzzParseChoice(f *testing.F) {
	f.Add([]byte(`{"current":"a","previous":"package","trial":{"slot":"b","version":"1.2","started":true},"package":"1.0"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := parseChoice(data)
		if err == nil && !c.Current.known() {
			t.Errorf("%q is taken as a slot", c.Current)
		}
	})
}

func FuzzParseKeys(f *testing.F) {
	f.Add([]byte("untrusted comment: x\nRWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		keys, err := ParseKeys(data)
		if err != nil && keys != nil {
			t.Error("keys beside an error")
		}
	})
}
