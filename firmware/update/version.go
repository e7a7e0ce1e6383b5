package update

import "strings"

// CompareVersions orders versions as dpkg does (deb-version(7)): negative where
// a is older than b. So a bundle and a package of one release compare the same.
func CompareVersions(a, b string) int {
	epochA, upstreamA, revisionA := splitVersion(a)
	epochB, upstreamB, revisionB := splitVersion(b)
	for _, part := range [][2]string{{epochA, epochB}, {upstreamA, upstreamB}, {revisionA, revisionB}} {
		if c := comparePart(part[0], part[1]); c != 0 {
			return c
		}
	}
	return 0
}

func splitVersion(v string) (epoch, upstream, revision string) {
	if before, after, ok := strings.Cut(v, ":"); ok {
		epoch, v = before, after
	}
	if at := strings.LastIndexByte(v, '-'); at >= 0 {
		return epoch, v[:at], v[at+1:]
	}
	return epoch, v, ""
}

// comparePart compares by turns what is no digit, letters first and ~ before
// even the end, and numbers by their value.
func comparePart(a, b string) int {
	for a != "" || b != "" {
		for len(a) > 0 && !digit(a[0]) || len(b) > 0 && !digit(b[0]) {
			if c := order(a) - order(b); c != 0 {
				return c
			}
			a, b = a[min(1, len(a)):], b[min(1, len(b)):]
		}
		var numberA, numberB string
		numberA, a = cutNumber(a)
		numberB, b = cutNumber(b)
		if c := len(numberA) - len(numberB); c != 0 {
			return c
		}
		if c := strings.Compare(numberA, numberB); c != 0 {
			return c
		}
	}
	return 0
}

// cutNumber takes the leading digits, without leading zeros.
func cutNumber(s string) (number, rest string) {
	n := 0
	for n < len(s) && digit(s[n]) {
		n++
	}
	return strings.TrimLeft(s[:n], "0"), s[n:]
}

func digit(c byte) bool { return c >= '0' && c <= '9' }

// order ranks a part's first character: ~, the end or a digit, letters, the rest.
func order(s string) int {
	const beyondLetters = 256
	switch {
	case s == "" || digit(s[0]):
		return 0
	case s[0] == '~':
		return -1
	case s[0] >= 'A' && s[0] <= 'Z', s[0] >= 'a' && s[0] <= 'z':
		return int(s[0])
	}
	return int(s[0]) + beyondLetters
}
