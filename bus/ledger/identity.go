package ledger

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Signer has a key pair of its own in a folder.
type Signer struct{ private ed25519.PrivateKey }

// Identity is who a node is: its name, its signing key, and the secret behind
// its product pseudonyms.
type Identity struct {
	Signer
	Node   string
	secret []byte
}

// Files of an identity in its folder, after the node's name.
const (
	keySuffix    = ".key"    // private key, PKCS #8 in PEM, mode 0600
	publicSuffix = ".pub"    // public key, PKIX in PEM: what a receiver enrols
	secretSuffix = ".secret" // 32 random bytes, hexadecimal, mode 0600
)

const secretBytes = 32

// OpenIdentity reads a node's identity from a folder, and makes it there at the
// first start. A file that is there and damaged is an error: a new key would
// have every record refused until it is enrolled.
func OpenIdentity(folder, node string) (*Identity, error) {
	if err := CheckNode(node); err != nil {
		return nil, err
	}
	signer, err := OpenSigner(folder, node)
	if err != nil {
		return nil, err
	}
	secret, err := openSecret(filepath.Join(folder, node+secretSuffix))
	if err != nil {
		return nil, fmt.Errorf("identity: %w", err)
	}
	return &Identity{*signer, node, secret}, nil
}

// OpenSigner reads the key pair name.key and name.pub in a folder, and makes it
// there at the first start. A damaged file is an error: everyone who knows the
// old key would refuse a new one.
func OpenSigner(folder, name string) (*Signer, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("identity: %w", err)
	}
	base := filepath.Join(folder, name)
	private, err := openKey(base + keySuffix)
	if err != nil {
		return nil, fmt.Errorf("identity: %w", err)
	}
	s := &Signer{private}
	if err := writePublic(base+publicSuffix, s.Public()); err != nil {
		return nil, fmt.Errorf("identity: %w", err)
	}
	return s, nil
}

// Public is the key that the other side enrols, or pins.
func (s *Signer) Public() ed25519.PublicKey { return s.private.Public().(ed25519.PublicKey) }

// Pseudonym is what a product is called outside: the first 8 bytes of
// HMAC-SHA256 of its name under the node's secret, in hexadecimal.
func (i *Identity) Pseudonym(product string) string {
	mac := hmac.New(sha256.New, i.secret)
	mac.Write([]byte(product))
	return hex.EncodeToString(mac.Sum(nil)[:8])
}

// writePublic leaves the file alone when it is already as it should be.
func writePublic(path string, key ed25519.PublicKey) error {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	if old, err := os.ReadFile(path); err == nil && string(old) == string(text) {
		return nil
	}
	return writeFile(path, text, 0o644)
}

// ReadPublicKey reads a node's public key as OpenIdentity writes it.
func ReadPublicKey(path string) (ed25519.PublicKey, error) {
	return readKey[ed25519.PublicKey](path, "PUBLIC KEY", x509.ParsePKIXPublicKey)
}

func openKey(path string) (ed25519.PrivateKey, error) {
	key, err := readKey[ed25519.PrivateKey](path, "PRIVATE KEY", x509.ParsePKCS8PrivateKey)
	if errors.Is(err, fs.ErrNotExist) {
		return makeKey(path)
	}
	return key, err
}

// readKey reads a PEM file of one block, which must be an Ed25519 key.
func readKey[K any](path, block string, parse func([]byte) (any, error)) (key K, err error) {
	der, err := readPEM(path, block)
	if err != nil {
		return key, err
	}
	parsed, err := parse(der)
	if err != nil {
		return key, fmt.Errorf("%s: %w", path, err)
	}
	key, ok := parsed.(K)
	if !ok {
		return key, fmt.Errorf("%s: %T; want an Ed25519 key", path, parsed)
	}
	return key, nil
}

func makeKey(path string) (ed25519.PrivateKey, error) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, err
	}
	return private, writeFile(path, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600)
}

func openSecret(path string) ([]byte, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		secret := make([]byte, secretBytes)
		rand.Read(secret)
		return secret, writeFile(path, hex.AppendEncode(nil, secret), 0o600)
	}
	if err != nil {
		return nil, err
	}
	secret, err := hex.DecodeString(string(text))
	if err != nil || len(secret) != secretBytes {
		return nil, fmt.Errorf("%s: want %d hexadecimal digits", path, 2*secretBytes)
	}
	return secret, nil
}

// maxKeyFile is far above any PEM file of one key, in bytes.
const maxKeyFile = 16 << 10

func readPEM(path, kind string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxKeyFile {
		return nil, fmt.Errorf("%s: %v of %d bytes; want a file of at most %d", path, info.Mode(), info.Size(), maxKeyFile)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil || block.Type != kind {
		return nil, fmt.Errorf("%s: want a PEM block of type %s", path, kind)
	}
	return block.Bytes, nil
}

// writeFile writes so that after a crash there is the whole file or none.
func writeFile(path string, data []byte, mode fs.FileMode) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // fails after the rename, as it should
	_, err = f.Write(data)
	err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close())
	if err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
