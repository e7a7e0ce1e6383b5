package sparkplug

import (
	"strings"
	"testing"

	"kensa/bus/session"
	"kensa/bus/sparkplug/payload"
)

func TestNamesThatCannotStandInATopicAreRefused(t *testing.T) {
	if err := Default().Check(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"", "a/b", "a+", "#", "a\x00", "a\n", " a", "a ", "\xff", strings.Repeat("x", maxName+1)} {
		for key, c := range map[string]Config{"group": {Group: name, Node: "n", Device: "d"}, "node": {Group: "g", Node: name, Device: "d"}, "device": {Group: "g", Node: "n", Device: name}, "primary_host": {Group: "g", Node: "n", Device: "d", PrimaryHost: name}} {
			if name == "" && key == "primary_host" {
				continue // none is configured
			}
			if err := c.Check(); err == nil || !strings.HasPrefix(err.Error(), key+": ") {
				t.Errorf("%s = %q: error %v, want one that names the key", key, name, err)
			}
		}
	}
	for _, name := range []string{"a", "Fab 2", "検査", "a.b-c_d", strings.Repeat("x", maxName)} {
		if err := (Config{Group: name, Node: name, Device: name, PrimaryHost: name}).Check(); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
	if err := (Config{Group: "STATE", Node: "n", Device: "d"}).Check(); err == nil {
		t.Error("the group STATE was taken")
	}
}

func TestDeclarationsThatMisleadAreRefused(t *testing.T) {
	ok := Metric{Name: "Chuck/Temperature", Scope: DeviceScope, Type: payload.TypeDouble, Unit: "°C"}
	if _, err := newBoard(append(Fab(), ok)); err != nil {
		t.Fatal(err)
	}
	for name, m := range map[string]Metric{
		"no name":         {Scope: DeviceScope, Type: payload.TypeInt8},
		"twice":           {Name: EquipmentState, Scope: DeviceScope, Type: payload.TypeString},
		"twice but case":  {Name: "EQUIPMENT/state", Scope: DeviceScope, Type: payload.TypeString},
		"reserved":        {Name: "bdSeq", Scope: NodeScope, Type: payload.TypeInt64},
		"no scope":        {Name: "x", Type: payload.TypeInt8},
		"no type":         {Name: "x", Scope: NodeScope},
		"type not known":  {Name: "x", Scope: NodeScope, Type: 19},
		"data set":        {Name: "x", Scope: NodeScope, Type: payload.TypeDataSet},
		"data set column": {Name: "x", Scope: NodeScope, Type: payload.TypeDataSet, Columns: []payload.Column{{Name: "c", Type: payload.TypeBytes}}},
	} {
		if _, err := newBoard(append(Fab(), m)); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
}

func FuzzCommand(f *testing.F) {
	f.Add([]byte("\x12\x18\x0a\x14Node Control/Rebirth\x70\x01"))
	f.Add(payload.Payload{Metrics: []payload.Metric{{Name: rebirthName, Value: payload.Boolean(true)}}}.Encode())
	f.Add([]byte{0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		rebirth, _ := wantsRebirth(session.Message{Payload: b})
		if !rebirth {
			return
		}
		p, err := payload.Decode(b)
		if err != nil {
			t.Fatalf("rebirth was read in a malformed command: %v", err)
		}
		for _, m := range p.Metrics {
			v, err := m.Value.As(payload.TypeBoolean)
			if asked, _ := v.Bool(); err == nil && m.Name == rebirthName && asked {
				return
			}
		}
		t.Fatal("rebirth was read where none is asked for")
	})
}
