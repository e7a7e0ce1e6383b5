package main

import (
	"fmt"
	"image/png"
	"os"
	"path/filepath"

	"kensa/vision/inspect"
)

// writeOverlay writes the image with its defects marked. The file is there whole
// or not at all.
func writeOverlay(path string, result *inspected) error {
	caption := inspect.Caption{Name: filepath.Base(result.Image), Expected: result.beside, Compared: result.compared}
	if result.Registered && result.beside.Width > 0 {
		caption.Notes = append(caption.Notes, fmt.Sprintf("shift (%.2f, %.2f) px", result.Shift.DX, result.Shift.DY))
	}
	if !result.Registered {
		caption.Notes = append(caption.Notes, "not registered: "+result.Reason)
	}
	overlay, err := inspect.Overlay(result.view, result.defects, caption)
	if err != nil {
		return fmt.Errorf("%s: %w", result.Image, err)
	}
	return writeFile(path, func(f *os.File) error { return png.Encode(f, overlay) })
}

// writeFile writes a file beside its place and moves it there when it is whole.
func writeFile(path string, write func(*os.File) error) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("%s: %w", path, err)
			os.Remove(f.Name())
		}
	}()
	if err := write(f); err != nil {
		f.Close()
		return err
	}
	if err := f.Chmod(0o644); err != nil {
		f.Close()
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
