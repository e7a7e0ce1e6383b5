package sparkplug_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// covered names the test that shows each assertion of the Sparkplug 3.0
// specification, without its prefix tck-id-. An assertion that is not here is not
// shown by any test yet.
var covered = map[string][]string{
	"TestNamesThatCannotStandInATopicAreRefused": {
		"intro-group-id-string", "intro-group-id-chars", "intro-edge-node-id-string", "intro-edge-node-id-chars",
		"intro-device-id-string", "intro-device-id-chars", "topic-structure-namespace-valid-group-id",
		"topic-structure-namespace-valid-edge-node-id", "topic-structure-namespace-valid-device-id",
	},
	"TestDeclarationsThatMisleadAreRefused": {"case-sensitivity-metric-names"},
	"TestConnectCarriesTheWill": {
		"principles-persistence-clean-session-311",
		"message-flow-edge-node-birth-publish-will-message", "message-flow-edge-node-birth-publish-will-message-topic",
		"message-flow-edge-node-birth-publish-will-message-payload", "message-flow-edge-node-birth-publish-will-message-payload-bdSeq",
		"message-flow-edge-node-birth-publish-will-message-qos", "message-flow-edge-node-birth-publish-will-message-will-retained",
		"payloads-ndeath-will-message", "payloads-ndeath-will-message-qos", "payloads-ndeath-will-message-retain",
		"payloads-ndeath-bdseq", "payloads-ndeath-seq", "topics-ndeath-topic", "topics-ndeath-payload", "topics-ndeath-seq",
		"topics-nbirth-bdseq-included", "topics-nbirth-bdseq-matching", "topics-nbirth-bdseq-increment",
		"payloads-nbirth-bdseq", "payloads-nbirth-bdseq-repeat", "message-flow-edge-node-birth-publish-nbirth-payload-bdSeq",
	},
	"TestLifeOfANode": {
		"principles-birth-certificates-order", "message-flow-edge-node-birth-publish-connect",
		"topic-structure", "topic-structure-namespace-a", "topic-structure-namespace-device-id-associated-message-types",
		"topic-structure-namespace-device-id-non-associated-message-types",
		"topics-nbirth-topic", "topics-nbirth-mqtt", "topics-nbirth-seq-num", "topics-nbirth-timestamp",
		"topics-ndata-topic", "topics-ndata-mqtt", "topics-ndata-seq-num", "topics-ndata-timestamp", "topics-ndata-payload",
		"topics-dbirth-topic", "topics-dbirth-mqtt", "topics-dbirth-seq", "topics-dbirth-timestamp",
		"topics-ddata-topic", "topics-ddata-mqtt", "topics-ddata-timestamp", "topics-ddata-payload",
		"message-flow-edge-node-birth-publish-nbirth-topic", "message-flow-edge-node-birth-publish-nbirth-qos",
		"message-flow-edge-node-birth-publish-nbirth-retained", "message-flow-edge-node-birth-publish-nbirth-payload-seq",
		"message-flow-device-birth-publish-nbirth-wait", "message-flow-device-birth-publish-dbirth-topic",
		"message-flow-device-birth-publish-dbirth-match-edge-node-topic", "message-flow-device-birth-publish-dbirth-qos",
		"message-flow-device-birth-publish-dbirth-retained", "message-flow-device-birth-publish-dbirth-payload-seq",
		"operational-behavior-edge-node-intentional-disconnect-ndeath", "operational-behavior-edge-node-intentional-disconnect-packet",
		"payloads-ndeath-will-message-publisher", "payloads-ndeath-will-message-publisher-disconnect-mqtt311",
		"operational-behavior-data-commands-rebirth-action-2", "operational-behavior-data-commands-rebirth-action-3",
		"payloads-name-requirement", "payloads-name-birth-data-requirement",
		"payloads-sequence-num-always-included", "payloads-sequence-num-req-nbirth",
		"payloads-nbirth-timestamp", "payloads-nbirth-seq", "payloads-nbirth-qos", "payloads-nbirth-retain",
		"payloads-dbirth-timestamp", "payloads-dbirth-seq", "payloads-dbirth-seq-inc", "payloads-dbirth-order",
		"payloads-dbirth-qos", "payloads-dbirth-retain",
		"payloads-ndata-timestamp", "payloads-ndata-seq", "payloads-ndata-seq-inc", "payloads-ndata-qos", "payloads-ndata-retain",
		"payloads-ddata-timestamp", "payloads-ddata-seq", "payloads-ddata-qos", "payloads-ddata-retain",
		// What a host does, and the node takes.
		"topics-ncmd-topic", "topics-ncmd-mqtt", "topics-ncmd-timestamp", "topics-ncmd-payload",
		"payloads-ncmd-timestamp", "payloads-ncmd-seq", "payloads-ncmd-qos", "payloads-ncmd-retain",
		"operational-behavior-data-commands-ncmd-rebirth-verb", "operational-behavior-data-commands-ncmd-rebirth-name",
		"operational-behavior-data-commands-ncmd-rebirth-value", "operational-behavior-data-commands-ncmd-verb",
		"operational-behavior-data-commands-ncmd-metric-name", "operational-behavior-data-commands-ncmd-metric-value",
	},
	"TestRebirthsAreAskedForInSeveralWays": {"payloads-name-cmd-requirement"},
	"TestBirthsDeclareEveryMetric": {
		"topics-nbirth-rebirth-metric", "payloads-nbirth-rebirth-req", "operational-behavior-data-commands-rebirth-name",
		"operational-behavior-data-commands-rebirth-name-aliases", "operational-behavior-data-commands-rebirth-datatype",
		"operational-behavior-data-commands-rebirth-value", "payloads-metric-datatype-req", "payloads-metric-datatype-value",
	},
	"TestSequenceNumbersWrapAfter255": {
		"payloads-sequence-num-incrementing", "payloads-ddata-seq-inc", "topics-ddata-seq-num",
	},
	"TestOnlyChangesAreTold": {"principles-rbe-recommended", "operational-behavior-data-publish-dbirth-change"},
	"TestTheNextBirthTellsWhatHappenedOffline": {
		"topics-nbirth-metrics", "topics-dbirth-metrics", "operational-behavior-data-publish-nbirth-values",
		"operational-behavior-data-publish-dbirth-values", "operational-behavior-data-publish-nbirth-order", "payloads-ndata-order",
	},
	"TestAWaferIsToldWholeInOneMessage": {"operational-behavior-data-publish-dbirth-order"},
	"TestAStrictHostIsNeverMisled": {
		"topics-nbirth-metric-reqs", "topics-dbirth-metric-reqs", "operational-behavior-data-publish-nbirth",
		"operational-behavior-data-publish-dbirth", "payloads-ddata-order",
	},
	"TestTheDeviceDiesAndComesBack": {
		"topics-ddeath-topic", "topics-ddeath-mqtt", "topics-ddeath-seq-num", "operational-behavior-device-ddeath",
		"payloads-ddeath-timestamp", "payloads-ddeath-seq", "payloads-ddeath-seq-inc", "payloads-ddeath-seq-number",
	},
	"TestEncodedBytes": {
		"payloads-timestamp-in-UTC", "payloads-metric-timestamp-in-UTC", "payloads-metric-datatype-value-type",
		"payloads-propertyset-keys-array-size", "payloads-propertyset-values-array-size",
		"payloads-metric-propertyvalue-type-type", "payloads-metric-propertyvalue-type-value", "payloads-metric-propertyvalue-type-req",
		"payloads-dataset-column-size", "payloads-dataset-column-num-headers", "payloads-dataset-types-def",
		"payloads-dataset-types-num", "payloads-dataset-types-type", "payloads-dataset-types-value",
		"payloads-dataset-parameter-type-req", "payloads-template-dataset-value",
	},
}

func TestCoveredAssertionsNameTestsThatExist(t *testing.T) {
	tests := make(map[string]bool)
	for _, folder := range []string{".", "payload"} {
		for name := range testsIn(t, folder) {
			tests[name] = true
		}
	}
	seen := make(map[string]string)
	for test, ids := range covered {
		if !tests[test] {
			t.Errorf("%s: there is no such test", test)
		}
		for _, id := range ids {
			if other, twice := seen[id]; twice {
				t.Errorf("%s: shown by %s and %s; want one", id, test, other)
			}
			seen[id] = test
		}
	}
}

func testsIn(t *testing.T, folder string) map[string]bool {
	t.Helper()
	names := make(map[string]bool)
	files, err := filepath.Glob(filepath.Join(folder, "*_test.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%s: no test files: %v", folder, err)
	}
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range parsed.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && strings.HasPrefix(f.Name.Name, "Test") {
				names[f.Name.Name] = true
			}
		}
	}
	return names
}

func TestCoveredAssertionsAreThoseOfTheSpecification(t *testing.T) {
	data := os.Getenv("KENSA_DATA")
	if data == "" {
		data = "../../../shared/data"
	}
	text, err := fs.ReadFile(os.DirFS(data), "sparkplug/edge-assertions.tsv")
	if err != nil {
		t.Skipf("the list of assertions is not there; set KENSA_DATA: %v", err)
	}
	known := make(map[string]bool)
	for line := range strings.Lines(string(text)) {
		id, _, _ := strings.Cut(line, "\t")
		known[strings.TrimPrefix(id, "tck-id-")] = true
	}
	shown := 0
	for test, ids := range covered {
		for _, id := range ids {
			shown++
			if !known[id] {
				t.Errorf("%s shows %s, which is no assertion for an edge node", test, id)
			}
		}
	}
	t.Logf("%d of %d assertions are shown by tests", shown, len(known)-1)
}
