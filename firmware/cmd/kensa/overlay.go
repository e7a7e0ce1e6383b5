package main

import (
	"fmt"
	"image/png"
	"io"
	"path/filepath"

	"kensa/vision/durable"
	"kensa/vision/inspect"
)

// writeOverlay writes the image with its defects marked. The file is there whole
// or not at all.
func writeOverlay(path string, result *inspected) error {
	caption := inspect.Caption{Name: filepath.Base(result.Image), Expected: result.beside, Compared: result.compared, Dust: result.dust}
	if result.Registered && result.beside.Width > 0 {
		caption.Notes = append(caption.Notes, fmt.Sprintf("shift (%.2f, %.2f) px", result.Shift.DX, result.Shift.DY))
	}
	if !result.Registered {
		caption.Notes = append(caption.Notes, "not compared: "+result.Reason)
	}
	overlay, err := inspect.Overlay(result.view, result.defects, caption)
	if err != nil {
		return fmt.Errorf("%s: %w", result.Image, err)
	}
	return durable.WriteFile(path, 0o644, func(w io.Writer) error { return png.Encode(w, overlay) })
}
