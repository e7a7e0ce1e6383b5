package frame

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

var errHeader = errors.New("PGM header; want P5 or P2, width, height and greatest value")

// decodePGM reads the first image of a netpbm grey map, binary (P5) or text
// (P2). A greatest value of 255, 1023, 4095 or 65535 gives 8, 10, 12 or 16 bits
// with the values as they are; any other is scaled up to the next of these.
func decodePGM(data []byte, limit int) (Image, error) {
	s := pgmScanner{data: data, at: 2}
	var header [3]int
	for n := range header {
		var err error
		if header[n], err = s.number(); err != nil {
			return Image{}, fmt.Errorf("%w: %w", errHeader, err)
		}
	}
	width, height, white := header[0], header[1], header[2]
	if err := checkSize(width, height, limit); err != nil {
		return Image{}, err
	}
	if white < 1 || white > 65535 {
		return Image{}, fmt.Errorf("PGM greatest value %d; want 1 to 65535", white)
	}
	next := s.number
	if data[1] == '5' {
		if err := s.separator(); err != nil {
			return Image{}, fmt.Errorf("%w: %w", errHeader, err)
		}
		next = s.binary(white)
	}
	if err := s.room(width*height, white); err != nil {
		return Image{}, err
	}
	return fillPGM(New(width, height, depthOf(white)), white, next)
}

// depthOf is the least depth that holds values up to white.
func depthOf(white int) int {
	for _, depth := range []int{8, 10, 12} {
		if white < 1<<depth {
			return depth
		}
	}
	return 16
}

func fillPGM(m Image, white int, next func() (int, error)) (Image, error) {
	for y := range m.Height {
		for x := range m.Width {
			value, err := next()
			if err != nil {
				return Image{}, fmt.Errorf("PGM pixel (%d, %d): %w", x, y, truncated(err))
			}
			if value > white {
				return Image{}, fmt.Errorf("PGM pixel (%d, %d): %d; the header's greatest value is %d", x, y, value, white)
			}
			m.Set(x, y, (value*m.Max()+white/2)/white)
		}
	}
	return m, nil
}

// pgmScanner walks over a PGM's bytes.
type pgmScanner struct {
	data []byte
	at   int
}

func isSpace(c byte) bool { return c == ' ' || '\t' <= c && c <= '\r' }

// room reports a file too short for its pixels before memory is taken for them.
func (s *pgmScanner) room(pixels, white int) error {
	need := 2*pixels - 1 // text: a digit each and a space between them
	if s.data[1] == '5' {
		need = pixels
		if white > 255 {
			need *= 2
		}
	}
	if have := len(s.data) - s.at; have < need {
		return fmt.Errorf("PGM truncated: %d bytes of pixels; want %d", have, need)
	}
	return nil
}

// separator steps over the single white space that ends a P5 header.
func (s *pgmScanner) separator() error {
	if s.at >= len(s.data) {
		return io.ErrUnexpectedEOF
	}
	if !isSpace(s.data[s.at]) {
		return fmt.Errorf("byte %q after the greatest value; want white space", s.data[s.at])
	}
	s.at++
	return nil
}

// binary returns a reader of P5 pixels, big-endian where they have two bytes.
// It relies on room having been checked.
func (s *pgmScanner) binary(white int) func() (int, error) {
	if white <= 255 {
		return func() (int, error) {
			s.at++
			return int(s.data[s.at-1]), nil
		}
	}
	return func() (int, error) {
		s.at += 2
		return int(binary.BigEndian.Uint16(s.data[s.at-2:])), nil
	}
}

// number reads a decimal number after white space and comments, which run
// from # to the line's end.
func (s *pgmScanner) number() (int, error) {
	s.skip()
	const most = 1 << 30
	start, n := s.at, 0
	for ; s.at < len(s.data) && '0' <= s.data[s.at] && s.data[s.at] <= '9'; s.at++ {
		if n = 10*n + int(s.data[s.at]-'0'); n > most {
			return 0, fmt.Errorf("number at byte %d; limit is %d", start, most)
		}
	}
	switch {
	case s.at > start:
		return n, nil
	case s.at == len(s.data):
		return 0, io.ErrUnexpectedEOF
	}
	return 0, fmt.Errorf("byte %q; want a digit", s.data[s.at])
}

func (s *pgmScanner) skip() {
	for comment := false; s.at < len(s.data); s.at++ {
		switch c := s.data[s.at]; {
		case comment:
			comment = c != '\n' && c != '\r'
		case c == '#':
			comment = true
		case !isSpace(c):
			return
		}
	}
}
