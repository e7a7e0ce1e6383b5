package export

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kensa/vision/wafer"
)

// data finds a file of the development data, or skips the test.
func data(t testing.TB, name string) []byte {
	t.Helper()
	root := os.Getenv("KENSA_DATA")
	if root == "" {
		root = filepath.Join("..", "..", "..", "shared", "data") // beside the repository
	}
	text, err := os.ReadFile(filepath.Join(root, "klarf", name))
	if os.IsNotExist(err) {
		t.Skipf("no %s under %s; set KENSA_DATA", name, root)
	}
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestSamplesFromOtherTools(t *testing.T) {
	t.Run("klarf12Example", func(t *testing.T) {
		k, err := ReadKLARF(bytes.NewReader(data(t, "klarf12Example.klarf")))
		if err != nil {
			t.Fatal(err)
		}
		if k.Station != [3]string{"aVendor", "A", "B"} || k.Lot != "aLot" || k.WaferID != "aWafer" || k.Slot != 15 ||
			k.Diameter != 300 || k.Pitch != [2]float64{11234, 2234.5} || k.Center != [2]float64{5765.4, 2777.7} || k.Area != 5.5e10 {
			t.Errorf("header %+v", k)
		}
		if len(k.Defects) != 2 || len(k.TestPlan) != 2 || k.TestPlan[0] != (wafer.DieIndex{Column: -1, Row: -1}) || k.Classes[0] != "unclassified" {
			t.Fatalf("lists %+v", k)
		}
		if x, y := k.OnWafer(k.Defects[1]); math.Abs(x-(11234+8100-5765.4)) > 1e-9 || math.Abs(y-(2234.5+4100-2777.7)) > 1e-9 {
			t.Errorf("second defect at (%v, %v)", x, y)
		}
		if v := k.Defects[0].Values; v["DSIZE"] != 0.1234 || v["TEST"] != 1 || v["IMAGECOUNT"] != 0 || len(v) != 19 {
			t.Errorf("first defect %v", v)
		}
		if k.ResultTime.Format("2006-01-02T15:04:05") != "2024-07-07T21:59:59" || k.Summary["NDEFECT"] != 2 {
			t.Errorf("time %v, summary %v", k.ResultTime, k.Summary)
		}
	})
	t.Run("simple12", func(t *testing.T) {
		k, err := ReadKLARF(bytes.NewReader(data(t, "simple12.klarf")))
		if err != nil {
			t.Fatal(err)
		}
		if len(k.Defects) != 1 || k.Classes[10] != "Blork" || k.Classes[-1] != "Unclassified" || k.Diameter != 150 || k.FileTime.Year() != 1977 {
			t.Fatalf("content %+v", k)
		}
		// One die of the wafer's size whose corner lies at (-75, -75) mm.
		if x, y := k.OnWafer(k.Defects[0]); x != 3500.123-75000 || math.Abs(y-0.123) > 1e-9 {
			t.Errorf("defect at (%v, %v)", x, y)
		}
		if k.Summary["DEFDENSITY"] != 5.11e-7 {
			t.Errorf("summary %v", k.Summary)
		}
	})
	t.Run("1.8 is refused by name", func(t *testing.T) {
		_, err := ReadKLARF(bytes.NewReader(data(t, "simple18.klarf")))
		if err == nil || !strings.Contains(err.Error(), "1.8 is not read") {
			t.Errorf("error %v", err)
		}
	})
}

// TestErrorsNameTheLine spoils the golden file in one place each.
func TestErrorsNameTheLine(t *testing.T) {
	good, err := os.ReadFile(filepath.Join("testdata", "wafer.klarf"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ from, to, want string }{
		{"FileVersion 1 2;", "FileVersion 1 8;", "line 1: FileVersion: 1 8; this reader takes"},
		{"FileVersion 1 2;", "SampleType WAFER;", "line 1: SampleType: comes first"},
		{"FileVersion 1 2;", ";", "line 1: a semicolon with nothing"},
		{"03-01-2026 09:30:15", "31-12-2026 09:30:15", "line 2: FileTimestamp: \"31-12-2026"},
		{"ResultTimestamp 03-01-2026 09:21:15", "ResultTimestamp 03-01-2026", "line 5: ResultTimestamp: 1 words"},
		{`"Kensa" "K1" "line-3"`, `"Kensa" "K1"`, "line 3: InspectionStationID: 2 words; want at least 3"},
		{`LotID "LOT-42"`, `LotID "LOT-42`, "line 6: a quote that is not closed"},
		{"SampleSize 1 100", "SampleSize 2 100", "line 7: SampleSize: shape 2"},
		{"DiePitch 2.0000000000e+04", "DiePitch -1", "line 13: DiePitch: -1 × 19500"},
		{"DiePitch 2.0000000000e+04", "DiePitch NaN", "line 13: DiePitch: line 13: \"NaN\" is no number"},
		{"Slot 7;", "Slot seven;", "line 16: Slot: line 16: \"seven\" is no whole number"},
		{"Slot 7;", "Slot 99999999999999999999;", "is no whole number"},
		{"Slot 7;", "Slot 7; Slot 8;", "line 16: Slot: is there twice, first in line 16"},
		{"ClassLookup 11", "ClassLookup 12", "line 18: ClassLookup: 12 entries of 2 words announced, 22 words there"},
		{"ClassLookup 11", "ClassLookup -1", "-1 entries"},
		{"ClassLookup 11", "ClassLookup 2147483647", "2147483647 entries"},
		{` 3 "mousebite"`, ` 2 "mousebite"`, `line 22: class 2 is called "short" and "mousebite"`},
		{" -1 -1\n 0 -1", " -1 -1\n 0.5 -1", `"0.5" is no whole number`},
		{"YREL XINDEX", "XREL XINDEX", `column "XREL" is there twice`},
		{" XREL YREL", " XREAL YREL", "DefectList: no column XREL"},
		{"DefectRecordSpec 13", "DefectRecordSpec 12", "12 entries of 1 words announced, 13"},
		{" 1 1234.568 17.250 0 1 ", " 1 1234.568 17.250 0 ", "line 43: the row ends before \"19900.000\" in line 44"},
		{" 1 1234.568 17.250 0 1 ", " 1 1234.568 17.250 0 1 1 ", "line 43: the row ends before \"0\" in line 43; a row has 13 columns"},
		{"200.000 0 1 0 0;", "200.000 0 1 0;", "line 45: a row without a value for IMAGECOUNT"},
		{" 1 1234.568", " 1 1e999", "XREL: line 43: \"1e999\" is no number"},
		{"DefectList\n", "DefectLst\n", "no DefectList; every file"},
		{"SummarySpec 5 TESTNO", "SummarySpec 4", "SummaryList: 5 words; SummarySpec has 4"},
		{"EndOfFile;", "EndOfFile", "line 49: \"EndOfFile\" has no semicolon"},
		{"EndOfFile;", "", "no EndOfFile"},
		{"EndOfFile;", "EndOfFile; Slot2 1;", "Slot2: comes after EndOfFile"},
	} {
		spoilt := strings.Replace(string(good), c.from, c.to, 1)
		if spoilt == string(good) {
			t.Fatalf("%q is not in the golden file", c.from)
		}
		if k, err := ReadKLARF(strings.NewReader(spoilt)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q for %q: %v, %v; want %q", c.to, c.from, k, err, c.want)
		}
	}
	if _, err := ReadKLARF(strings.NewReader("")); err == nil {
		t.Error("an empty file was read")
	}
}

func TestDefectListBeforeItsColumns(t *testing.T) {
	_, err := ReadKLARF(strings.NewReader("FileVersion 1 2;\nDefectList\n 1 2 3;"))
	if err == nil || !strings.Contains(err.Error(), "line 2: DefectList: comes before DefectRecordSpec") {
		t.Errorf("error %v", err)
	}
}

// withImages is the golden file with IMAGELIST, as other tools write it.
func withImages(t testing.TB, rows string) string {
	good, err := os.ReadFile(filepath.Join("testdata", "clean.klarf"))
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(string(good), "DefectRecordSpec 13", "DefectRecordSpec 14", 1)
	text = strings.Replace(text, "IMAGECOUNT;", "IMAGECOUNT IMAGELIST;", 1)
	return strings.Replace(text, "DefectList;", "DefectList\n"+rows+";", 1)
}

func TestImageLists(t *testing.T) {
	rows := " 1 1 2 0 0 1 1 1 1 0 1 0 2 2 17 0 18 0\n 2 5 6\n 1 0 1 1 1 1 0 1 0 0 0" // the second is wrapped
	k, err := ReadKLARF(strings.NewReader(withImages(t, rows)))
	if err != nil || len(k.Defects) != 2 || k.Defects[0].Values["IMAGECOUNT"] != 2 || k.Defects[1].X != 5 || k.Defects[1].Die.Column != 1 {
		t.Fatalf("%+v, %v", k, err)
	}
	for _, rows := range []string{
		" 1 1 2 0 0 1 1 1 1 0 1 0 2 3 17 0 18 0",
		" 1 1 2 0 0 1 1 1 1 0 1 0 2 -1 17 0 18 0",
		" 1 1 2 0 0 1 1 1 1 0 1 0 2 1000000000 17 0",
	} {
		if _, err := ReadKLARF(strings.NewReader(withImages(t, rows))); err == nil || !strings.Contains(err.Error(), "images announced") {
			t.Errorf("%q: %v", rows, err)
		}
	}
}

// FuzzReadKLARF checks that no input brings the reader down, and that what it
// accepts has numbers in it that are numbers.
func FuzzReadKLARF(f *testing.F) {
	f.Add(string(klarf(f, sample())))
	f.Add(withImages(f, " 1 1 2 0 0 1 1 1 1 0 1 0 1 1 17 0"))
	f.Add("FileVersion 1 2;\nDefectRecordSpec 0;\nDefectList;")
	f.Add("FileVersion 1 2;\nDefectRecordSpec 5 IMAGELIST XREL YREL XINDEX YINDEX;\nDefectList\n-1 2 3 4 5;")
	f.Add("FileVersion 1 1; SummarySpec 1 A; SummaryList 1 2 3; \"; ;;")
	f.Fuzz(func(t *testing.T, text string) {
		k, err := ReadKLARF(strings.NewReader(text))
		if err != nil {
			return
		}
		for _, d := range k.Defects {
			if x, y := k.OnWafer(d); math.IsNaN(x) || math.IsNaN(y) {
				t.Fatalf("defect %+v of pitch %v, centre %v", d, k.Pitch, k.Center)
			}
		}
	})
}
