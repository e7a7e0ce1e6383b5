// Command program stands for an appliance's version in the tests of updates: it
// answers for its health at an address, as it is told to behave.
package main

import (
	"fmt"
	"net/http"
	"os"
)

func main() {
	address, behaviour := os.Args[1], os.Args[2]
	if behaviour == "crash" {
		os.Exit(1)
	}
	http.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		switch behaviour {
		case "hang":
			<-r.Context().Done()
		case "ill":
			w.WriteHeader(http.StatusServiceUnavailable)
			fmt.Fprintln(w, `{"version":"x","wrong":["the camera does not answer"]}`)
		default:
			fmt.Fprintln(w, `{"version":"x","wrong":[]}`)
		}
	})
	fmt.Fprintln(os.Stderr, http.ListenAndServe(address, nil))
	os.Exit(1)
}
