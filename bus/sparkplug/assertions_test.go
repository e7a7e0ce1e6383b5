package sparkplug_test

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// covered names the test that shows each assertion of the Sparkplug 3.0
// specification, without its prefix tck-id-. Those that no test can show are in
// excused, with the reason.
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
	"TestRebirthsAreAskedForInSeveralWays": {"payloads-name-cmd-requirement", "message-flow-edge-node-ncmd-subscribe"},
	"TestBirthsDeclareEveryMetric": {
		"topics-nbirth-rebirth-metric", "payloads-nbirth-rebirth-req", "operational-behavior-data-commands-rebirth-name",
		"operational-behavior-data-commands-rebirth-name-aliases", "operational-behavior-data-commands-rebirth-datatype",
		"operational-behavior-data-commands-rebirth-value", "payloads-alias-uniqueness", "payloads-alias-birth-requirement",
		"message-flow-edge-node-birth-publish-nbirth-payload", "message-flow-device-birth-publish-dbirth-payload", "payloads-metric-datatype-req", "payloads-metric-datatype-value",
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
		"operational-behavior-data-publish-dbirth", "payloads-ddata-order", "operational-behavior-data-commands-rebirth-action-1",
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
	"TestASecondNodeOfTheNameIsNoticed": {
		"intro-edge-node-id-uniqueness", "topic-structure-namespace-unique-edge-node-descriptor", "payloads-nbirth-edge-node-descriptor",
	},
	"TestCommandsReachTheApplianceAndAreAnswered": {
		"message-flow-device-dcmd-subscribe", "topics-dcmd-topic", "topics-dcmd-mqtt", "topics-dcmd-timestamp", "topics-dcmd-payload",
		"operational-behavior-data-commands-dcmd-verb", "operational-behavior-data-commands-dcmd-metric-name",
		"operational-behavior-data-commands-dcmd-metric-value", "payloads-dcmd-timestamp", "payloads-dcmd-seq", "payloads-dcmd-qos",
		"payloads-alias-data-cmd-requirement",
	},
	"TestRetainedCommandsAreRefused": {"payloads-dcmd-retain"},
	"TestBirthsWaitForThePrimaryHost": {
		"message-flow-edge-node-birth-publish-phid-wait", "message-flow-edge-node-birth-publish-phid-wait-id",
		"message-flow-edge-node-birth-publish-phid-wait-online", "message-flow-edge-node-birth-publish-phid-wait-timestamp",
		"operational-behavior-primary-application-state-with-multiple-servers-state-subs", "operational-behavior-edge-node-birth-sequence-wait",
	},
	"TestReportsWaitForThePrimaryHost": {
		"message-flow-edge-node-birth-publish-phid-offline", "operational-behavior-edge-node-termination-host-offline",
		"operational-behavior-edge-node-termination-host-offline-timestamp",
	},
	"TestTheNodeLooksForItsHostOnTheNextBroker": {
		"operational-behavior-edge-node-termination-host-offline-reconnect",
		"operational-behavior-primary-application-state-with-multiple-servers-single-server",
		"operational-behavior-primary-application-state-with-multiple-servers-walk",
	},
	"TestADeadBandHoldsSmallChangesBack": {"operational-behavior-data-publish-nbirth-change"},
	"TestDataFollowTheConfiguredStyle":   {"payloads-metric-datatype-not-req"},
}

// excused are the assertions that do not concern this node, by the reason.
var excused = map[string][]string{
	"The node speaks MQTT 3.1.1, not 5.0.": {
		"principles-persistence-clean-session-50", "payloads-ndeath-will-message-publisher-disconnect-mqtt50",
	},
	"The node has one device; there is no other whose name could be the same.": {
		"topic-structure-namespace-unique-device-id",
	},
	"A permission to the plant, which names the devices.": {
		"topic-structure-namespace-duplicate-device-id-across-edge-node",
	},
	"The plant names its nodes; the node sees no others. Within its own names, metrics that differ in case alone are refused.": {
		"case-sensitivity-sparkplug-ids",
	},
	"The node publishes no Quality property: a value that is not known is null.": {
		"payloads-propertyset-quality-value-type", "payloads-propertyset-quality-value-value",
	},
	"The node has no templates: the die map is a DataSet, which common decoders read.": {
		"topics-nbirth-templates",
		"payloads-template-definition-nbirth-only", "payloads-template-definition-is-definition", "payloads-template-definition-ref",
		"payloads-template-definition-members", "payloads-template-definition-nbirth", "payloads-template-definition-parameters",
		"payloads-template-definition-parameters-default", "payloads-template-instance-is-definition", "payloads-template-instance-ref",
		"payloads-template-instance-members", "payloads-template-instance-members-birth", "payloads-template-instance-members-data",
		"payloads-template-instance-parameters", "payloads-template-version", "payloads-template-ref-definition",
		"payloads-template-ref-instance", "payloads-template-is-definition", "payloads-template-is-definition-definition",
		"payloads-template-is-definition-instance", "payloads-template-parameter-name-required", "payloads-template-parameter-name-type",
		"payloads-template-parameter-value-type", "payloads-template-parameter-type-value", "payloads-template-parameter-type-req",
		"payloads-template-parameter-value",
	},
}

var rewrite = flag.Bool("update", false, "write ASSERTIONS.md anew")

// table is ASSERTIONS.md.
func table() string {
	rows := make([]string, 0, 226)
	for test, ids := range covered {
		for _, id := range ids {
			rows = append(rows, fmt.Sprintf("| %s | `%s` |\n", id, test))
		}
	}
	shown := len(rows)
	for reason, ids := range excused {
		for _, id := range ids {
			rows = append(rows, fmt.Sprintf("| %s | not concerned: %s |\n", id, reason))
		}
	}
	slices.Sort(rows)
	head := fmt.Sprintf("# Assertions of the Sparkplug 3.0 specification\n\n"+
		"Made from assertions_test.go by `go test ./bus/sparkplug -run Assertions -update`: %d assertions that concern an edge node, of which\n"+
		"%d are shown by a test and %d do not concern this one. Identifiers are without their prefix tck-id-. This is the project's own\n"+
		"reckoning; no listing by the specification's owners is claimed.\n\n| assertion | shown by |\n| --- | --- |\n", len(rows), shown, len(rows)-shown)
	return head + strings.Join(rows, "")
}

func TestTheTableOfAssertionsIsUpToDate(t *testing.T) {
	if *rewrite {
		if err := os.WriteFile("ASSERTIONS.md", []byte(table()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile("ASSERTIONS.md")
	if err != nil {
		t.Fatal(err)
	}
	if string(text) != table() {
		t.Error("ASSERTIONS.md differs from the tests; run go test -run Assertions -update")
	}
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

func TestEveryAssertionOfTheSpecificationHasATestOrAReason(t *testing.T) {
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
	claimed := make(map[string]bool)
	for _, list := range []map[string][]string{covered, excused} {
		for why, ids := range list {
			for _, id := range ids {
				if claimed[id] || !known[id] {
					t.Errorf("%s: %s is there twice, or is no assertion for an edge node", why, id)
				}
				claimed[id] = true
			}
		}
	}
	delete(known, "id") // the heading
	for id := range known {
		if !claimed[id] {
			t.Errorf("%s has neither a test nor a reason", id)
		}
	}
}
