package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"kensa/firmware/display"
	"kensa/firmware/update"
)

// confirm waits until the version on trial has been healthy for a while, and then
// lets it count. It is the package's program that asks, whatever is on trial: so
// the answer's form must never change.
func (u *updateCommand) confirm(c console, store *update.Store) error {
	st, err := store.Status(c)
	if err != nil {
		return explainUpdate(err)
	}
	if st.Trial == nil || !st.Trial.Started {
		return nil
	}
	loaded, err := u.load()
	if err != nil {
		return err
	}
	limit, cancel := context.WithTimeout(c, u.Limit)
	defer cancel()
	if err := healthyFor(limit, "http://"+loaded.Display.Listen+"/readyz", u.Hold); err != nil {
		return fail(exitFailed, fmt.Errorf("version %s: not healthy within %v: %w", st.Trial.Version, u.Limit, err), "")
	}
	return explainUpdate(store.Confirm())
}

// healthyFor asks again and again until the answer has been good for so long.
// The error is the last answer's.
func healthyFor(ctx context.Context, url string, hold time.Duration) error {
	const pause = 250 * time.Millisecond
	since := time.Now()
	last := errors.New("it was not asked")
	for ctx.Err() == nil {
		if err := askHealth(ctx, url); err != nil {
			if ctx.Err() == nil { // else it is our own impatience
				last = err
			}
			since = time.Now()
		} else if time.Since(since) >= hold {
			return nil
		}
		sleep(ctx, pause)
	}
	return last
}

func askHealth(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	const enough = 64 << 10
	var health display.Health
	if err := json.NewDecoder(io.LimitReader(answer.Body, enough)).Decode(&health); err != nil {
		return fmt.Errorf("%s: %w", url, err)
	}
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %v", url, health.Wrong)
	}
	return nil
}
