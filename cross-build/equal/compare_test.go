package main

import (
	"io"
	"testing"
)

func TestCompare(t *testing.T) {
	const golden, pair = "logic golden 0 {\n \"Class\": \"open\",\n \"X\": 1.5\n}\n", "logic pair 0 {\n \"Class\": \"open\",\n \"X\": 1.5\n}\n"
	for _, c := range []struct {
		name        string
		here, there string
		equal       bool
	}{
		{"the same", golden, golden, true},
		{"a bit where none may differ", golden, "logic golden 0 {\n \"Class\": \"open\",\n \"X\": 1.5000000000000002\n}\n", false},
		{"the last digits where OpenCV rounds", pair, "logic pair 0 {\n \"Class\": \"open\",\n \"X\": 1.500014\n}\n", true},
		{"more than those", pair, "logic pair 0 {\n \"Class\": \"open\",\n \"X\": 1.50003\n}\n", false},
		{"a whole number beside a fraction", "logic pair 0 {\n \"Class\": 1,\n}\n", "logic pair 0 {\n \"Class\": 1.0000001,\n}\n", true},
		{"another count", "logic pair 0 {\n \"Class\": 1000000,\n}\n", "logic pair 0 {\n \"Class\": 1000001,\n}\n", false},
		{"another class", pair, "logic pair 0 {\n \"Class\": \"short\",\n \"X\": 1.5\n}\n", false},
		{"a finding more", pair, pair + pair, false},
		{"golden after pair", pair + golden, pair + "logic golden 0 {\n \"Class\": \"open\",\n \"X\": 1.500001\n}\n", false},
		{"nothing", "", "", false},
	} {
		if err := compare(c.here, c.there, io.Discard); (err == nil) != c.equal {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}
