package pulloracle

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/test/pulloracle/golden"
	"github.com/pullgate/pullgate/test/pulloracle/scenario"
)

var update = flag.Bool("update", false, "write docs/agreement-cri-o.md")

// crioPage is where the comparison with CRI-O stands.
const crioPage = "../../docs/agreement-cri-o.md"

// crioRow is a scenario with what came of it.
type crioRow struct {
	scenario.Scenario
	crio       golden.CRIORecord
	containerd golden.Record // of a scenario that only CRI-O was asked, none
	said       verdict
	how        string
}

// TestCRIOPage keeps the page what the recordings and Pullgate say.
func TestCRIOPage(t *testing.T) {
	t.Parallel()
	file, containerd := readCRIO(t), readGolden(t)
	said := crioVerdicts(t, crioSetting{layers: true, registries: true})
	var rows []crioRow
	for _, s := range crioScenarios() {
		record := file.Records[s.Name]
		rows = append(rows, crioRow{s, record, containerd.Records[s.Name], said[s.Name], compareCRIO(record, said[s.Name].reason)})
	}
	page := writeCRIOPage(file, containerd, rows)
	if *update {
		if err := os.WriteFile(crioPage, []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	have, err := os.ReadFile(crioPage)
	if err != nil || string(have) != page {
		t.Errorf("docs/agreement-cri-o.md is not what was recorded (%v): go test -run TestCRIOPage . -update", err)
	}
}

func writeCRIOPage(file golden.CRIOFile, containerd golden.File, rows []crioRow) string {
	var text strings.Builder
	pulled := count(rows, func(r crioRow) bool { return r.crio.Pulled() })
	fmt.Fprintf(&text, `# Does CRI-O agree?

A real CRI-O %s pulled %d images from registries that were sound, broken, or odd in one way each: it got %d of them. Pullgate was asked about each for nodes with CRI-O, with their `+"`registries.conf`"+`, layers included: it says the same of %d, and denies none that was pulled.

`+"`make oracle-crio`"+` builds CRI-O, pulls all of them again and writes this page; `+"`make test-oracle`"+` compares Pullgate with what was recorded. The first needs Linux, root, conmon and runc. Every scenario has servers of its own, which answer GET /v2/, too.

| scenarios | pulled | fail | the same | `+"`unknown`"+` | pullable, fails | denied, pulled |
|---|---|---|---|---|---|---|
`, file.CRIO, len(rows), pulled, count(rows, agreeing))
	for _, group := range groupsOf(rows) {
		of := slices.DeleteFunc(slices.Clone(rows), func(r crioRow) bool { return group != "" && r.Group != group })
		name := group
		if group == "" {
			name = "**all**"
		}
		got := count(of, func(r crioRow) bool { return r.crio.Pulled() })
		fmt.Fprintf(&text, "| %s: %d | %d | %d | %d | %d | %d | %d |\n", name, len(of), got, len(of)-got, count(of, agreeing),
			count(of, func(r crioRow) bool { return r.how == cautious }), count(of, func(r crioRow) bool { return r.how == missed }),
			count(of, func(r crioRow) bool { return r.how == falseDenial }))
	}
	text.WriteString("\nA failure that may pass, such as 429, 5xx and all of the network, is the same as `unknown`.\n")
	writeApart(&text, containerd, rows)
	writeOtherwise(&text, rows)
	return text.String()
}

// writeApart lists where CRI-O does another thing than containerd.
func writeApart(text *strings.Builder, containerd golden.File, rows []crioRow) {
	fmt.Fprintf(text, "\n## Where CRI-O and containerd part\n\nOf what containerd %s was given, too, where one of both got it.\n\n| the image | containerd | CRI-O | Pullgate of CRI-O | in CRI-O's words |\n|---|---|---|---|---|\n", containerd.Containerd)
	for _, row := range rows {
		if row.containerd.Recipe == "" || row.containerd.Pulled() == row.crio.Pulled() {
			continue
		}
		fmt.Fprintf(text, "| %s | %s | %s | `%s/%s` | %s |\n", row.About, gotIt(row.containerd.Pulled()), gotIt(row.crio.Pulled()),
			row.said.reason.Verdict(), row.said.reason, quoted(lastCRIO(row.crio)))
	}
}

// writeOtherwise lists where Pullgate says another thing than CRI-O does.
func writeOtherwise(text *strings.Builder, rows []crioRow) {
	text.WriteString("\n## Where Pullgate says another thing\n\n| the image | CRI-O | Pullgate | why |\n|---|---|---|---|\n")
	for _, row := range rows {
		if row.how == agrees {
			continue
		}
		fmt.Fprintf(text, "| %s | %s | `%s/%s` | %s |\n", row.About, gotIt(row.crio.Pulled()),
			row.said.reason.Verdict(), row.said.reason, crioDifferences()[row.Name].why)
	}
}

func agreeing(r crioRow) bool { return r.how == agrees }

func count(rows []crioRow, is func(crioRow) bool) int {
	n := 0
	for _, row := range rows {
		if is(row) {
			n++
		}
	}
	return n
}

// groupsOf are the groups in their order, and all of them as "".
func groupsOf(rows []crioRow) []string {
	var groups []string
	for _, row := range rows {
		if !slices.Contains(groups, row.Group) {
			groups = append(groups, row.Group)
		}
	}
	return append(groups, "")
}

func gotIt(pulled bool) string {
	if pulled {
		return "pulls"
	}
	return "fails"
}

// quoted are words in a table's cell.
func quoted(answer golden.Answer) string {
	if answer.OK() {
		return ""
	}
	return "`` " + strings.ReplaceAll(answer.Text, "|", `\|`) + " ``"
}

// TestCRIORecorded makes sure that what was recorded are these scenarios.
func TestCRIORecorded(t *testing.T) {
	file := readCRIO(t)
	strays := maps.Clone(file.Records)
	for _, s := range crioScenarios() {
		delete(strays, s.Name)
		if len(file.Records[s.Name].Answers) == 0 {
			t.Errorf("%s was never pulled: run make oracle-crio", s.Name)
		}
	}
	for name := range strays {
		t.Errorf("%s was pulled and is no scenario any more: run make oracle-crio", name)
	}
}

// TestCRIOMixed makes sure that beside containerd nothing is denied that CRI-O
// pulls.
func TestCRIOMixed(t *testing.T) {
	t.Parallel()
	file := readCRIO(t)
	said := crioVerdicts(t, crioSetting{registries: true, beside: "containerd://2.4.2"})
	for _, s := range crioScenarios() {
		if v := said[s.Name]; file.Records[s.Name].Pulled() && v.reason.Verdict() == pull.Broken {
			t.Errorf("%s (%s): FALSE DENIAL: we say %s: %s", s.Name, s.About, v.reason, v.message)
		}
	}
}
