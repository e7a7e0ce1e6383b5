package die

import "math/rand/v2"

// seal draws the seal ring along the die's edge and returns what it encloses.
func seal(p *pen) area {
	p.ring(area{3, 3, p.w - 3, p.h - 3}, 3)
	return area{10, 10, p.w - 10, p.h - 10}
}

// memory is mats of word lines around a spine of power, with pads above and below.
func memory(p *pen) {
	in := seal(p)
	p.pads(area{in.x0, in.y0, in.x1, in.y0 + 14}, 14, 24, 1)
	p.pads(area{in.x0, in.y1 - 14, in.x1, in.y1}, 14, 24, -1)
	core := area{in.x0, in.y0 + 26, in.x1, in.y1 - 26}
	bands := core.rows(max(int(core.height()/70), 1), 14)
	for n, band := range bands {
		mats := band.columns(max(int(band.width()/60), 1), 16)
		for m, mat := range mats {
			p.block(mat, Well)
			p.horizontals(mat.inset(4), 3, 7)
			if m > 0 {
				spine(p, area{mats[m-1].x1, band.y0, mat.x0, band.y1})
			}
		}
		if n > 0 {
			amplifiers(p, area{band.x0, bands[n-1].y1, mats[len(mats)-1].x1, band.y0})
		}
	}
}

// spine is a power bus between two mats.
func spine(p *pen, a area) {
	middle := (a.x0 + a.x1) / 2
	p.rect(middle-4, a.y0, middle+4, a.y1, Metal)
}

// amplifiers are the short bars between mats above each other.
func amplifiers(p *pen, a area) {
	p.verticals(area{a.x0 + 4, a.y0 + 2, a.x1 - 4, a.y1 - 2}, 4, 9)
}

// logic is rows of standard cells and a hard macro within a ring of pads.
func logic(p *pen) {
	in := seal(p)
	p.pads(area{in.x0 + 4, in.y0, in.x1 - 4, in.y0 + 12}, 12, 22, 1)
	p.pads(area{in.x0 + 4, in.y1 - 12, in.x1 - 4, in.y1}, 12, 22, -1)
	core := area{in.x0 + 2, in.y0 + 26, in.x1 - 2, in.y1 - 26}
	p.ring(core, 5)
	core = core.inset(11)
	p.tiles(core)
	macro := area{core.x1 - core.width()*0.38, core.y0, core.x1, core.y0 + core.height()*0.42}
	macro.x0, macro.y1 = float64(int(macro.x0)), float64(int(macro.y1))
	p.block(macro, Well)
	p.ring(macro.inset(2), 4)
	p.verticals(macro.inset(12), 3, 7)
	random := fixed(2)
	for y := core.y0; y+30 <= core.y1; y += 26 {
		row := area{core.x0, y, core.x1, y + 30}
		if y < macro.y1+4 {
			row.x1 = macro.x0 - 6
		}
		cells(p, row, random)
	}
}

// cells is one row of standard cells between two rails.
func cells(p *pen, a area, random *rand.Rand) {
	p.block(area{a.x0, a.y0 + 2, a.x1, a.y0 + 15}, Well)
	p.rect(a.x0, a.y0, a.x1, a.y0+4, Metal)
	p.rect(a.x0, a.y0+26, a.x1, a.y0+30, Metal)
	for x := a.x0 + 2; x+18 <= a.x1; {
		x += cell(p, x, a.y0, random.IntN(4))
	}
}

// cell draws one of a few cells at (x, y) and returns its width with the gap.
func cell(p *pen, x, y float64, kind int) float64 {
	switch kind {
	case 0: // two gates and a strap below
		p.rect(x, y+9, x+3, y+22, Metal)
		p.rect(x+8, y+9, x+11, y+22, Metal)
		p.rect(x, y+19, x+11, y+22, Metal)
		return 17
	case 1: // a flag
		p.rect(x, y+8, x+4, y+22, Metal)
		p.rect(x, y+8, x+13, y+12, Metal)
		p.rect(x+9, y+17, x+14, y+22, Metal)
		return 19
	case 2: // tied to the upper rail
		p.rect(x+2, y+1, x+6, y+16, Metal)
		p.rect(x+11, y+8, x+14, y+22, Metal)
		return 19
	default: // a run of routing
		p.rect(x, y+8, x+12, y+11, Metal)
		p.rect(x, y+15, x+12, y+18, Metal)
		return 17
	}
}

// power is two combs of wide fingers, with a gate line winding round one side.
func power(p *pen) {
	in := seal(p)
	p.ring(in, 4)
	in = in.inset(10)
	p.block(in, Well)
	head := area{in.x0, in.y0, in.x1, in.y0 + 44}
	middle := (head.x0 + head.x1) / 2
	p.rect(head.x0+4, head.y0+4, middle-8, head.y1, Pad)
	p.rect(middle+8, head.y0+4, head.x1-4, head.y1-16, Pad)
	top, foot := head.y1-6, in.y1-12
	p.rect(head.x0+4, top, head.x1-4, top+12, Metal)
	p.rect(head.x0+4, foot, head.x1-4, foot+10, Metal)
	n := 0
	for x := in.x0 + 6; x+10 <= in.x1-6; x += 16 {
		if n%2 == 0 {
			p.rect(x, top+6, x+10, foot-7, Metal)
		} else {
			p.rect(x, top+19, x+10, foot+5, Metal)
		}
		n++
	}
}

// sensor is an array of photodiodes under a light shield, its drivers to the
// left, its converters below, pads at the bottom and bumps along the top.
func sensor(p *pen) {
	in := seal(p)
	p.pads(area{in.x0, in.y1 - 14, in.x1, in.y1}, 14, 26, -1)
	for x := in.x0 + 10; x+8 <= in.x1; x += 24 {
		p.disc(x, in.y0+8, 7, Pad)
	}
	array := area{in.x0 + 44, in.y0 + 24, in.x1 - 6, in.y1 - 62}
	const pitch = 13
	array.x1 = array.x0 + pitch*float64(int(array.width()/pitch)) + 4
	array.y1 = array.y0 + pitch*float64(int(array.height()/pitch)) + 4
	p.block(array, Well)
	p.verticals(array, 4, pitch)
	p.horizontals(array, 4, pitch)
	drivers := area{in.x0 + 2, array.y0, array.x0 - 8, array.y1}
	p.tiles(drivers)
	p.horizontals(drivers, 4, 10)
	converters := area{array.x0, array.y1 + 8, array.x1, in.y1 - 30}
	p.block(converters, Well)
	p.verticals(converters, 4, 10)
}
