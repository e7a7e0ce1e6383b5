package main

import (
	"bytes"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"os"
	"path/filepath"

	"github.com/rogpeppe/go-internal/testscript"
)

// drawPair writes a template and a test image with one short between two lines
// and one island: pair FOLDER NAME
func drawPair(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: pair folder name")
	}
	board := image.NewGray(image.Rect(0, 0, 160, 120))
	draw.Draw(board, board.Rect, image.White, image.Point{}, draw.Src)
	fill := func(r image.Rectangle) {
		draw.Draw(board, r, image.NewUniform(color.Black), image.Point{}, draw.Src)
	}
	write := func(suffix string) {
		var file bytes.Buffer
		ts.Check(jpeg.Encode(&file, board, &jpeg.Options{Quality: 95}))
		ts.Check(os.WriteFile(ts.MkAbs(filepath.Join(args[0], args[1]+suffix)), file.Bytes(), 0o644))
	}
	ts.Check(os.MkdirAll(ts.MkAbs(args[0]), 0o755))
	fill(image.Rect(0, 20, 160, 30))
	fill(image.Rect(0, 50, 160, 60))
	write("_temp.jpg")
	fill(image.Rect(40, 30, 46, 50))
	fill(image.Rect(100, 85, 108, 92))
	write("_test.jpg")
}
