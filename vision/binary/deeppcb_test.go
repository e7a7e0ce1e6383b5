package binary_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"kensa/vision/binary"
	"kensa/vision/evaluate"
	"kensa/vision/frame"
)

var fit = flag.Bool("fit", false, "choose a recipe on all groups of boards but one, judge it on that one, in turn")

// pair is one of the DeepPCB set's.
type pair struct {
	name           string
	template, test frame.Image
	labels         []evaluate.Label
}

// group is the board that a pair was cut from: the first five digits.
func (p pair) group() string { return p.name[:5] }

// pairs reads the set, every nth pair of it, and skips the test where it is
// absent.
func pairs(t testing.TB, nth int) (all []pair) {
	data := os.Getenv("KENSA_DATA")
	if data == "" {
		data = filepath.Join("..", "..", "..", "shared", "data")
	}
	folder := filepath.Join(data, "deeppcb")
	names, err := filepath.Glob(filepath.Join(folder, "*_test.jpg"))
	if err != nil {
		t.Fatal(err)
	}
	if len(names) == 0 {
		t.Skipf("no DeepPCB pairs in %s; KENSA_DATA names the folder above", folder)
	}
	for n := 0; n < len(names); n += nth {
		p := pair{name: filepath.Base(names[n][:len(names[n])-len("_test.jpg")])}
		path := filepath.Join(folder, p.name)
		if p.template, err = frame.Load(path + "_temp.jpg"); err != nil {
			t.Fatal(err)
		}
		if p.test, err = frame.Load(path + "_test.jpg"); err != nil {
			t.Fatal(err)
		}
		f, err := os.Open(path + ".txt")
		if err != nil {
			t.Fatal(err)
		}
		p.labels, err = evaluate.ReadLabels(f, p.name)
		if err = errors.Join(err, f.Close()); err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	return all
}

// results inspects pairs with a recipe.
func results(t testing.TB, p binary.Params, all []pair) []evaluate.Image {
	t.Helper()
	i, err := binary.New(p)
	if err != nil {
		t.Fatal(err)
	}
	images := make([]evaluate.Image, len(all))
	for n, a := range all {
		images[n].Labels = a.labels
		for _, d := range inspect(t, i, a.template, a.test) {
			images[n].Findings = append(images[n].Findings, evaluate.Finding{Label: evaluate.Label{Box: d.Box, Class: d.Class}, Confidence: d.Confidence})
		}
	}
	return images
}

func rules(p binary.Params) evaluate.Rules {
	return evaluate.Rules{IoU: 0.33, Confidence: p.Confidence.Least}
}

// TestDeepPCB holds the shipped recipe to what the documentation says of it, on
// every fifth pair.
func TestDeepPCB(t *testing.T) {
	p, err := binary.ParseParams(binary.Recipe, "recipe")
	if err != nil {
		t.Fatal(err)
	}
	score := evaluate.Of(results(t, p, pairs(t, 5)), rules(p))
	t.Log(describe(score))
	if score.MAP < 0.97 || score.F() < 0.97 {
		t.Errorf("mAP %.4f, F-score %.4f; want at least 0.97", score.MAP, score.F())
	}
}

func describe(s evaluate.Score) (text string) {
	text = fmt.Sprintf("mAP %.4f, F-score %.4f, precision %.4f, recall %.4f\n", s.MAP, s.F(), s.Precision(), s.Recall())
	for _, c := range s.Classes {
		text += fmt.Sprintf("%-10s AP %.4f, found %d, missed %d, false %d\n", c.Class, c.AP, c.Found, c.Missed, c.False)
	}
	return text
}

// candidates are the recipes among which a fit chooses.
func candidates(t *testing.T) (all []binary.Params) {
	shipped, err := binary.ParseParams(binary.Recipe, "recipe")
	if err != nil {
		t.Fatal(err)
	}
	for _, tolerance := range []int{1, 2, 3} {
		for _, join := range []int{3, 6} {
			for _, closer := range []int{2, 3} {
				for _, margin := range []int{8, 9, 11, 13} {
					p := shipped
					p.Evidence.Tolerance, p.Evidence.JoinDistance = tolerance, join
					p.Alignment.Closer, p.Box.Margin = closer, margin
					all = append(all, p)
				}
			}
		}
	}
	return all
}

// TestFitLeavesAGroupOut is how well a recipe does on boards that it was not
// fitted to: each group of boards is judged by the recipe that is best on the
// others. It takes a minute, and so runs with -fit only.
func TestFitLeavesAGroupOut(t *testing.T) {
	if !*fit {
		t.Skip("run with -fit")
	}
	all := pairs(t, 1)
	recipes := candidates(t)
	outcomes := make([][]evaluate.Image, len(recipes))
	for n, p := range recipes {
		outcomes[n] = results(t, p, all)
	}
	var heldOut []evaluate.Image
	for _, group := range groups(all) {
		in := func(n int) bool { return all[n].group() == group }
		best, most := 0, -1.0
		for n, p := range recipes {
			s := evaluate.Of(choose(outcomes[n], func(n int) bool { return !in(n) }), rules(p))
			if s.MAP+s.F() > most {
				best, most = n, s.MAP+s.F()
			}
		}
		e, chosen := recipes[best].Evidence, choose(outcomes[best], in)
		t.Logf("without %s: tolerance %d, join_distance %d, closer %d, margin %d; on its %d pairs:\n%s", group, e.Tolerance, e.JoinDistance,
			recipes[best].Alignment.Closer, recipes[best].Box.Margin, len(chosen), describe(evaluate.Of(chosen, rules(recipes[best]))))
		heldOut = append(heldOut, chosen...)
	}
	t.Logf("held out, all groups:\n%s", describe(evaluate.Of(heldOut, rules(recipes[0]))))
}

func groups(all []pair) (names []string) {
	for _, p := range all {
		if !slices.Contains(names, p.group()) {
			names = append(names, p.group())
		}
	}
	return names
}

func choose(images []evaluate.Image, which func(int) bool) (chosen []evaluate.Image) {
	for n, m := range images {
		if which(n) {
			chosen = append(chosen, m)
		}
	}
	return chosen
}

// BenchmarkInspect is one pair of 640×640 pixels, decoded.
func BenchmarkInspect(b *testing.B) {
	all := pairs(b, 5)
	i := inspector(b, "")
	b.SetBytes(int64(2 * len(all[0].test.Pix)))
	for n := 0; b.Loop(); n++ {
		if _, err := i.Inspect(all[n%len(all)].template, all[n%len(all)].test); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "pairs/s")
}
