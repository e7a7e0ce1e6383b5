package product

import (
	"kensa/hw/simulator"
	"kensa/vision/wafer"
)

// Program is what a simulated tool does to bring a plan's fields under the lens: hw
// knows no plans, and vision no tools.
func Program(plan *wafer.Plan) simulator.Program {
	p := simulator.Program{
		Width: plan.Width, Height: plan.Height,
		PixelSize: plan.Layout.PixelSize.Micrometres(), Radius: plan.Layout.Diameter.Micrometres() / 2,
	}
	for _, field := range plan.Fields {
		stop := simulator.Stop{X: field.Center.X.Micrometres(), Y: field.Center.Y.Micrometres()}
		for _, d := range field.Dies {
			at := plan.Dies[d.Die]
			stop.Dies = append(stop.Dies, simulator.DieAt{
				Column: at.Index.Column, Row: at.Index.Row,
				X: at.Center.X.Micrometres(), Y: at.Center.Y.Micrometres(), Rect: d.Rect,
			})
		}
		p.Stops = append(p.Stops, stop)
	}
	return p
}
