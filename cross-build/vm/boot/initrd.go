package main

import (
	"bufio"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// disk is a memory disk for the kernel: a cpio archive in the "newc" format of
// the kernel's Documentation/driver-api/early-userspace/buffer-format.rst.
type disk struct{ entries []entry }

type entry struct {
	name string // without the leading slash
	mode uint32
	data []byte
	from string // a file with the data, instead of data
}

// Types of files in an archive, as stat(2) has them.
const (
	typeFolder = 0o040000
	typeFile   = 0o100000
	typeLink   = 0o120000
)

// text adds a file with a content.
func (d *disk) text(name, content string) {
	d.entries = append(d.entries, entry{name: name, mode: typeFile | 0o644, data: []byte(content)})
}

// link adds a symbolic link.
func (d *disk) link(name, to string) {
	d.entries = append(d.entries, entry{name: name, mode: typeLink | 0o777, data: []byte(to)})
}

// program adds an executable file of this machine's.
func (d *disk) program(name, from string) {
	d.entries = append(d.entries, entry{name: name, mode: typeFile | 0o755, from: from})
}

// folder adds a folder of this machine's with all that is in it.
func (d *disk) folder(name, from string) error {
	return filepath.WalkDir(from, func(at string, found fs.DirEntry, err error) error {
		if err != nil || !found.Type().IsRegular() {
			return err
		}
		relative, err := filepath.Rel(from, at)
		if err != nil {
			return err
		}
		d.entries = append(d.entries, entry{name: path.Join(name, filepath.ToSlash(relative)), mode: typeFile | 0o644, from: at})
		return nil
	})
}

// write writes the archive, with the folders that its entries lie in.
func (d *disk) write(to string) error {
	file, err := os.Create(to)
	if err != nil {
		return err
	}
	w := &archive{to: bufio.NewWriterSize(file, 1<<20)}
	made := map[string]bool{".": true}
	for _, e := range d.entries {
		for _, parent := range parents(e.name) {
			if !made[parent] {
				made[parent] = true
				w.add(entry{name: parent, mode: typeFolder | 0o755})
			}
		}
		w.add(e)
	}
	w.add(entry{name: "TRAILER!!!"})
	if w.err == nil {
		w.err = w.to.Flush()
	}
	if err := file.Close(); w.err == nil {
		w.err = err
	}
	return w.err
}

// parents are the folders above a name, the uppermost first.
func parents(name string) []string {
	var all []string
	for up := path.Dir(name); up != "."; up = path.Dir(up) {
		all = append(all, up)
	}
	slices.Reverse(all)
	return all
}

type archive struct {
	to     *bufio.Writer
	number int
	err    error // the first
}

func (a *archive) add(e entry) {
	if a.err != nil {
		return
	}
	a.number++
	a.err = a.write(e)
}

func (a *archive) write(e entry) error {
	var data io.Reader = strings.NewReader(string(e.data))
	size := int64(len(e.data))
	if e.from != "" {
		file, err := os.Open(e.from)
		if err != nil {
			return err
		}
		defer file.Close()
		info, err := file.Stat()
		if err != nil {
			return err
		}
		data, size = file, info.Size()
	}
	// Magic; inode, mode, uid, gid, links, time; size; four device numbers; length
	// of the name with its NUL; no checksum.
	if _, err := fmt.Fprintf(a.to, "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%s\x00",
		a.number, e.mode, 0, 0, 1, 0, size, 0, 0, 0, 0, len(e.name)+1, 0, e.name); err != nil {
		return err
	}
	if err := a.pad(110 + int64(len(e.name)) + 1); err != nil {
		return err
	}
	if n, err := io.Copy(a.to, data); err != nil || n != size {
		return fmt.Errorf("%s: %d of %d bytes: %w", e.name, n, size, err)
	}
	return a.pad(size)
}

// pad fills up to the next multiple of four bytes.
func (a *archive) pad(n int64) error {
	_, err := a.to.WriteString("\x00\x00\x00"[:-n&3])
	return err
}
