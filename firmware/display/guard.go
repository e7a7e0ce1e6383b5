package display

import (
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
)

// headers go with every answer. The page has no inline script or style; images
// may be blobs, which is how a map is saved.
var headers = map[string]string{
	"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; " +
		"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
	"X-Content-Type-Options":       "nosniff",
	"X-Frame-Options":              "DENY",
	"Referrer-Policy":              "no-referrer",
	"Cross-Origin-Opener-Policy":   "same-origin",
	"Cross-Origin-Resource-Policy": "same-origin",
	"Permissions-Policy":           "camera=(), microphone=(), geolocation=()",
}

// guard sets the headers, refuses names that the box does not have (a DNS name
// that someone pointed at this address, to read it through a browser), and
// refuses commands from pages of other origins.
func (s *Server) guard(next http.Handler) http.Handler {
	crossOrigin := http.NewCrossOriginProtection()
	crossOrigin.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.writeJSON(w, r, http.StatusForbidden, map[string]string{"error": "origin: commands come from the display's own page only"})
	}))
	next = crossOrigin.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for name, value := range headers {
			w.Header().Set(name, value)
		}
		if host := hostname(r.Host); !s.known(host) {
			text := fmt.Sprintf("host: %q is not a name of this box; use its IP address or add the name to the configuration", host)
			s.writeJSON(w, r, http.StatusMisdirectedRequest, map[string]string{"error": text})
			return
		}
		next.ServeHTTP(w, r)
	})
}

// hostname is a Host header without its port and IPv6 brackets, in lower case.
func hostname(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return strings.ToLower(strings.Trim(host, "[]"))
}

// known reports whether a browser that uses this name means this box. An IP
// address cannot be pointed elsewhere, a DNS name can.
func (s *Server) known(name string) bool {
	return name == "localhost" || net.ParseIP(name) != nil ||
		slices.ContainsFunc(s.Hosts, func(h string) bool { return strings.EqualFold(h, name) })
}
