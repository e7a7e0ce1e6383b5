package ledger

import (
	"fmt"
	"hash/fnv"
	"regexp"
	"strings"
)

// Kind is a topic's third level: what is said there.
type Kind string

// Kinds.
const (
	KindYield   Kind = "yield"
	KindHorizon Kind = "horizon"
	KindAck     Kind = "ack"
	KindReplay  Kind = "replay"
)

const (
	prefix = "kensa/v1/"
	shards = 64
)

var (
	nodePattern    = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,63}$`)
	epochPattern   = regexp.MustCompile(`^[0-9a-f]{32}$`)
	productPattern = regexp.MustCompile(`^[0-9a-f]{16}$`)
	digestPattern  = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

// CheckNode says what is wrong with an appliance's name.
func CheckNode(node string) error {
	if !nodePattern.MatchString(node) {
		return fmt.Errorf("node: %.80q; want 1 to 64 of a-z, 0-9 and -, the first no -", node)
	}
	return nil
}

// Shard is a node's place among 64: the 32-bit FNV-1a hash of its name, modulo
// 64. It must never change, for workers divide the nodes by it.
func Shard(node string) int {
	h := fnv.New32a()
	h.Write([]byte(node))
	return int(h.Sum32() % shards)
}

// Topic is where things of a kind are said of, or to, a node.
func Topic(k Kind, node string) string {
	return fmt.Sprintf("%s%s/%02d/%s", prefix, k, Shard(node), node)
}

// Filter is the subscription to everything of a kind.
func Filter(k Kind) string { return prefix + string(k) + "/+/+" }

// ParseTopic is the inverse of Topic. It refuses a node on another's shard.
func ParseTopic(topic string) (Kind, string, error) {
	rest, ok := strings.CutPrefix(topic, prefix)
	levels := strings.Split(rest, "/")
	if !ok || len(levels) != 3 {
		return "", "", fmt.Errorf("topic %.120q; want %s<kind>/<shard>/<node>", topic, prefix)
	}
	kind, node := Kind(levels[0]), levels[2]
	if err := CheckNode(node); err != nil {
		return "", "", fmt.Errorf("topic: %w", err)
	}
	if topic != Topic(kind, node) {
		return "", "", fmt.Errorf("topic %.120q; node %s belongs to shard %02d", topic, node, Shard(node))
	}
	switch kind {
	case KindYield, KindHorizon, KindAck, KindReplay:
		return kind, node, nil
	}
	return "", "", fmt.Errorf("topic %.120q: no such kind", topic)
}
