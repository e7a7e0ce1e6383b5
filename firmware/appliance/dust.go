package appliance

import (
	"errors"
	"io/fs"
	"log/slog"
	"path/filepath"

	"kensa/vision/dust"
	"kensa/vision/wafer"
)

// DustName is the file of the known dust within the state folder. The appliance
// keeps it; `kensa inspect --flat-from DIR --dust-out FILE` can write it first.
const DustName = "optics.dust"

// dustKeeper keeps the dust of the camera in a file.
type dustKeeper struct {
	path string
	plan *wafer.Plan
	log  *slog.Logger
}

func newDustKeeper(state string, plan *wafer.Plan, log *slog.Logger) dustKeeper {
	return dustKeeper{filepath.Join(state, DustName), plan, log}
}

// Dust implements station.Optics. A file that cannot be used costs no more than
// learning the dust again; it is told, and left until new dust replaces it.
func (o dustKeeper) Dust() []dust.Spot {
	m, err := dust.ReadMap(o.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		o.log.Error("dust known before cannot be read; it is learnt again", "error", err)
		return nil
	case o.plan.Width != 0 && (m.Width != o.plan.Width || m.Height != o.plan.Height):
		o.log.Warn("dust known before is of another camera; it is learnt again", "file", o.path,
			"width", m.Width, "height", m.Height, "camera_width", o.plan.Width, "camera_height", o.plan.Height)
		return nil
	}
	return m.Spots
}

// SaveDust implements station.Optics. A plan without a size of frames keeps the
// size that the spots take.
func (o dustKeeper) SaveDust(spots []dust.Spot) error {
	m := dust.Map{Width: max(1, o.plan.Width), Height: max(1, o.plan.Height), Spots: spots}
	for _, s := range spots {
		m.Width, m.Height = max(m.Width, s.Box.Max.X), max(m.Height, s.Box.Max.Y)
	}
	return m.Write(o.path)
}
