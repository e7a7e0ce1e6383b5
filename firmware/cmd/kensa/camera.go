package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"kensa/firmware/config"
	"kensa/hw/camera/v4l2"
)

type cameraCommand struct {
	List   cameraListCommand   `cmd:"" help:"List the cameras of this machine."`
	Show   cameraShowCommand   `cmd:"" help:"Show what a camera offers: formats, sizes, rates, controls."`
	Set    cameraSetCommand    `cmd:"" help:"Set controls of a camera; they stay until it loses power."`
	Snap   cameraSnapCommand   `cmd:"" help:"Take one picture."`
	Stream cameraStreamCommand `cmd:"" help:"Let the camera run, and show rate, lost frames and latency."`
}

// chosenCamera is the part of commands that work on one real camera.
type chosenCamera struct {
	configured
	Device string `short:"d" help:"The camera's device, such as /dev/video0. Default: that of source.camera, else the only one there is."`
}

// device is the camera that is meant, as the configuration sets it up.
func (c chosenCamera) device() (config.Config, error) {
	loaded, err := c.load()
	if err != nil {
		return loaded, err
	}
	if c.Device != "" {
		loaded.Source.Camera = "v4l2:" + c.Device
	}
	if _, ok := loaded.Source.Device(); ok {
		return loaded, nil
	}
	found := v4l2.List()
	if len(found) != 1 {
		return loaded, fail(exitInput, fmt.Errorf("camera: %d found; want one, or --device", len(found)), "`kensa camera list` lists them")
	}
	loaded.Source.Camera = "v4l2:" + found[0].Path
	return loaded, nil
}

// open opens the camera for its controls.
func (c chosenCamera) open() (*v4l2.Device, error) {
	loaded, err := c.device()
	if err != nil {
		return nil, err
	}
	d, err := v4l2.Open(loaded.V4L2(0, 0).Path)
	return d, fail(exitInput, err, "")
}

type cameraListCommand struct {
	JSON bool `help:"Print JSON."`
}

// Run lists the cameras.
func (l *cameraListCommand) Run(c console) error {
	found := v4l2.List()
	if l.JSON {
		if found == nil {
			found = []v4l2.Found{}
		}
		return printJSON(c.out, found)
	}
	for _, f := range found {
		fmt.Fprintf(c.out, "%s  %s  %s\n", f.Path, f.Name, f.Stable)
	}
	if len(found) == 0 {
		fmt.Fprintln(c.err, "no camera: no device of the kernel's video4linux")
	}
	return nil
}

type cameraShowCommand struct {
	chosenCamera
	JSON bool `help:"Print JSON."`
}

// shown is what a camera offers.
type shown struct {
	v4l2.Info
	Inputs   []v4l2.Input   `json:"inputs"`
	Offers   []v4l2.Offer   `json:"formats"`
	Controls []v4l2.Control `json:"controls"`
}

// Run shows a camera.
func (s *cameraShowCommand) Run(c console) error {
	d, err := s.open()
	if err != nil {
		return err
	}
	defer d.Close()
	all := shown{Info: d.Info()}
	if all.Inputs, err = d.Inputs(); err != nil {
		return err
	}
	if all.Offers, err = d.Offers(); err != nil {
		return err
	}
	if all.Controls, err = d.Controls(); err != nil {
		return err
	}
	if s.JSON {
		return printJSON(c.out, all)
	}
	return all.print(c.out)
}

func (s shown) print(to io.Writer) error {
	fmt.Fprintf(to, "%s  %s, driver %s, at %s\n\ninputs\n", s.Path, s.Card, s.Driver, s.Bus)
	for _, i := range s.Inputs {
		mark := ""
		if i.Chosen {
			mark = "  (chosen)"
		}
		fmt.Fprintf(to, "  %d  %s%s\n", i.Number, i.Name, mark)
	}
	fmt.Fprintln(to, "\nformats")
	for _, o := range s.Offers {
		if !o.Usable {
			continue
		}
		fmt.Fprintf(to, "  %s\n", o.Format)
		for _, size := range o.Sizes {
			fmt.Fprintf(to, "    %v\n", size)
		}
	}
	fmt.Fprintf(to, "  not usable: %s\n\ncontrols\n", strings.Join(unusable(s.Offers), " "))
	t := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	for _, c := range s.Controls {
		// In one column: a menu's range may be as long as a page is wide.
		fmt.Fprintf(t, "  %s\t%s\t%s\n", c.Name, c.Value, strings.Trim(c.Range()+"; "+state(c), "; "))
	}
	return t.Flush()
}

func unusable(offers []v4l2.Offer) []string {
	var names []string
	for _, o := range offers {
		if !o.Usable {
			names = append(names, o.Format)
		}
	}
	return names
}

func state(c v4l2.Control) string {
	switch {
	case c.ReadOnly:
		return "read only"
	case c.Inactive:
		return "ruled by another control"
	}
	return ""
}

type cameraSetCommand struct {
	chosenCamera
	Controls []string `arg:"" help:"NAME=VALUE: a number, true or false, a menu's item by name or number, press for a button."`
}

// Run sets controls, in order, up to the first that cannot be set.
func (s *cameraSetCommand) Run(c console) error {
	d, err := s.open()
	if err != nil {
		return err
	}
	defer d.Close()
	for _, text := range s.Controls {
		name, value, ok := strings.Cut(text, "=")
		if !ok {
			return fail(exitUsage, fmt.Errorf("%q; want NAME=VALUE", text), "`kensa camera show` lists the controls and what they take")
		}
		if err := d.Set(name, value); err != nil {
			return fail(exitInput, err, "")
		}
		if err := s.tell(c.out, d, name, value); err != nil {
			return fail(exitInput, err, "")
		}
	}
	return nil
}

// tell prints what a control is set to now. A button has no value, and may have
// switched the camera off.
func (s *cameraSetCommand) tell(to io.Writer, d *v4l2.Device, name, value string) error {
	if value == "press" {
		_, err := fmt.Fprintf(to, "%s: pressed\n", name)
		return err
	}
	now, err := d.Get(name)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(to, "%s = %s\n", name, now.Value)
	return err
}

// asked is how a picture is asked for, instead of what the configuration says.
type asked struct {
	chosenCamera
	Input  *int     `help:"The camera's input, from 0."`
	Format string   `help:"Pixel format, such as GREY."`
	Size   string   `placeholder:"WxH" help:"Frame size, such as 1280x720."`
	Rate   float64  `help:"Frames a second."`
	With   []string `placeholder:"NAME=VALUE" help:"Set a control before; may be given again."`
}

// camera makes the camera that is asked for.
func (a asked) camera() (*v4l2.Camera, error) {
	loaded, err := a.device()
	if err != nil {
		return nil, err
	}
	if a.Input != nil {
		loaded.Camera.Input = *a.Input
	}
	if a.Format != "" {
		loaded.Camera.Format = a.Format
	}
	if a.Rate != 0 {
		loaded.Camera.Rate = a.Rate
	}
	if a.Size != "" {
		var rest string
		n, err := fmt.Sscanf(a.Size+" .", "%dx%d %s", &loaded.Camera.Width, &loaded.Camera.Height, &rest)
		if n != 3 || err != nil || loaded.Camera.Width < 1 || loaded.Camera.Height < 1 {
			return nil, fail(exitUsage, fmt.Errorf("--size: %q; want WIDTHxHEIGHT, such as 1280x720", a.Size), "")
		}
	}
	loaded.Camera.Controls = append(loaded.Camera.Controls, a.With...)
	cam, err := v4l2.New(loaded.V4L2(0, 0))
	return cam, fail(exitUsage, err, "")
}

// start starts the camera that is asked for.
func (a asked) start(c console) (*v4l2.Camera, error) {
	cam, err := a.camera()
	if err != nil {
		return nil, err
	}
	if err := cam.Start(c); err != nil {
		return nil, fail(exitInput, errors.Join(err, cam.Close()), "")
	}
	return cam, nil
}
