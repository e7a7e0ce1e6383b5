package update

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"aead.dev/minisign"
)

// magic is a bundle's first line.
const magic = "kensa-update 1\n"

// untrusted is the signature's first line in every bundle: minisign does not
// sign it, so it may be no other.
const untrusted = "signature of a kensa update"

// Limits of a bundle, in bytes.
const (
	maxHead     = 4 << 10
	maxManifest = 64 << 10
	maxProgram  = 256 << 20
)

// signature is a minisign signature in its one accepted form.
type signature struct {
	minisign.Signature
	text []byte
}

// parseSignature accepts only the text that the signature's values are written
// as, so that no bit of it may change.
func parseSignature(text []byte) (signature, error) {
	s := signature{text: text}
	if err := s.UnmarshalText(text); err != nil {
		return s, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	s.UntrustedComment = untrusted
	if canonical := format(s.Signature); !bytes.Equal(canonical, text) {
		return s, fmt.Errorf("%w: the signature is not in its canonical form", ErrFormat)
	}
	if s.Algorithm != minisign.HashEdDSA {
		return s, fmt.Errorf("%w: want a prehashed signature", ErrFormat)
	}
	return s, nil
}

// format writes a signature as the minisign program does.
func format(s minisign.Signature) []byte {
	head := binary.LittleEndian.AppendUint16(nil, s.Algorithm)
	head = binary.LittleEndian.AppendUint64(head, s.KeyID)
	line := base64.StdEncoding.EncodeToString(append(head, s.Signature[:]...))
	return fmt.Appendf(nil, "untrusted comment: %s\n%s\ntrusted comment: %s\n%s\n",
		s.UntrustedComment, line, s.TrustedComment, base64.StdEncoding.EncodeToString(s.CommentSignature[:]))
}

// verify reads the payload to its end, and wants one of the keys to have signed
// it.
func (s signature) verify(payload io.Reader, keys []minisign.PublicKey) error {
	signed := minisign.NewReader(payload)
	if _, err := io.Copy(io.Discard, signed); err != nil {
		return err
	}
	for _, key := range keys {
		if key.ID() == s.KeyID && signed.Verify(key, s.text) {
			return nil
		}
	}
	return fmt.Errorf("%w: key %016X: want one of the %d keys that are trusted here, and an unchanged bundle", ErrSignature, s.KeyID, len(keys))
}

// readHead reads a bundle up to its payload.
func readHead(from *bufio.Reader) (signature, error) {
	head := make([]byte, len(magic))
	if _, err := io.ReadFull(from, head); err != nil || string(head) != magic {
		return signature{}, ErrFormat
	}
	const lines = 4
	var text []byte
	for range lines {
		line, err := readLine(from, maxHead)
		if err != nil {
			return signature{}, fmt.Errorf("%w: the signature ends early or has too long a line", ErrFormat)
		}
		text = append(text, line...)
	}
	return parseSignature(text)
}

// readLine reads a line of at most limit bytes with its newline.
func readLine(from *bufio.Reader, limit int) ([]byte, error) {
	var line []byte
	for {
		b, err := from.ReadByte()
		if err != nil {
			return nil, io.ErrUnexpectedEOF
		}
		line = append(line, b)
		if b == '\n' {
			return line, nil
		}
		if len(line) >= limit {
			return nil, fmt.Errorf("line of more than %d bytes", limit)
		}
	}
}

// WriteBundle writes the bundle of a program, signed.
func WriteBundle(to io.Writer, m Manifest, program []byte, key minisign.PrivateKey) error {
	if err := m.check(); err != nil {
		return err
	}
	if len(program) == 0 || len(program) > maxProgram {
		return fmt.Errorf("program: %d bytes; want 1 to %d", len(program), maxProgram)
	}
	manifest, err := json.Marshal(m)
	if err != nil {
		return err
	}
	manifest = append(manifest, '\n')
	payload := io.MultiReader(bytes.NewReader(manifest), bytes.NewReader(program))
	signed := minisign.NewReader(payload)
	if _, err := io.Copy(io.Discard, signed); err != nil {
		return err
	}
	comment := strings.Join([]string{m.Product, m.Version, m.Arch}, " ")
	var s minisign.Signature
	if err := s.UnmarshalText(signed.SignWithComments(key, comment, untrusted)); err != nil {
		return err
	}
	for _, part := range [][]byte{[]byte(magic), format(s), manifest, program} {
		if _, err := to.Write(part); err != nil {
			return err
		}
	}
	return nil
}
