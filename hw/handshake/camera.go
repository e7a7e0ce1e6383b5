package handshake

import (
	"context"

	"kensa/hw/camera/feed"
)

// AwaitBuffer waits until the camera has a buffer for the next exposure.
func (t *Tool) AwaitBuffer(ctx context.Context, c *feed.Camera) (b []byte, err error) {
	err = t.await(ctx, "a frame to be released", func(ctx context.Context) error {
		b, err = c.Buffer(ctx)
		return err
	})
	return b, err
}

// AwaitTaken waits until the appliance has taken every frame from the camera.
func (t *Tool) AwaitTaken(ctx context.Context, c *feed.Camera) error {
	return t.await(ctx, "the frames to be taken from the camera", c.AwaitTaken)
}

// AwaitStart waits until the appliance has started the camera again.
func (t *Tool) AwaitStart(ctx context.Context, c *feed.Camera) error {
	return t.await(ctx, "the camera to be started", c.AwaitStart)
}
