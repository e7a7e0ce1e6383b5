package sessiontest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Authority signs certificates for 127.0.0.1. Its own holds for a day either way.
type Authority struct {
	File        string // its certificate, PEM
	folder      string
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

// NewAuthority puts ca.pem into a folder.
func NewAuthority(t testing.TB, folder string) *Authority {
	t.Helper()
	const day = 24 * time.Hour
	a := &Authority{File: filepath.Join(folder, "ca.pem"), folder: folder, key: newKey(t), certificate: &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-day), NotAfter: time.Now().Add(day), KeyUsage: x509.KeyUsageCertSign,
	}}
	a.sign(t, a.File, a.certificate, a.key)
	return a
}

// Validity is when a certificate holds, from now on, and for which address.
type Validity struct {
	From, Until time.Duration
	Host        net.IP
}

// Good holds now, for 127.0.0.1.
var Good = Validity{-time.Hour, time.Hour, net.IPv4(127, 0, 0, 1)}

// Leaf puts name.pem and name.key into the folder, for a broker or a client.
func (a *Authority) Leaf(t testing.TB, name string, v Validity) (cert, key string) {
	t.Helper()
	own := newKey(t)
	cert, key = filepath.Join(a.folder, name+".pem"), filepath.Join(a.folder, name+".key")
	a.sign(t, cert, &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, IPAddresses: []net.IP{v.Host},
		NotBefore: time.Now().Add(v.From), NotAfter: time.Now().Add(v.Until),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, own)
	der, err := x509.MarshalPKCS8PrivateKey(own)
	if err != nil {
		t.Fatal(err)
	}
	write(t, key, "PRIVATE KEY", der)
	return cert, key
}

func (a *Authority) sign(t testing.TB, path string, c *x509.Certificate, key *ecdsa.PrivateKey) {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, c, a.certificate, &key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	write(t, path, "CERTIFICATE", der)
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func write(t testing.TB, path, kind string, der []byte) {
	t.Helper()
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}
