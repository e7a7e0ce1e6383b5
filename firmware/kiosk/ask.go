package kiosk

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"kensa/firmware/display"
)

// Ask makes Options.Beats for the display at this address.
func Ask(page *url.URL) func(context.Context, string) (uint64, error) {
	return func(ctx context.Context, name string) (uint64, error) {
		address := page.JoinPath("api", "screens", name)
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, address.String(), nil)
		if err != nil {
			return 0, err
		}
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			return 0, err
		}
		defer answer.Body.Close()
		switch answer.StatusCode {
		case http.StatusOK:
			const enough = 4 << 10
			var s display.Screen
			err := json.NewDecoder(io.LimitReader(answer.Body, enough)).Decode(&s)
			return s.Beats, err
		case http.StatusNotFound:
			return 0, ErrSilent
		}
		return 0, fmt.Errorf("%s: %s", address, answer.Status)
	}
}
