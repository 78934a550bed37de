package bench

import (
	"bufio"
	"cmp"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
)

const (
	pageFile  = "../../docs/performance.md"
	pageBegin = "<!-- figures: made by `make performance` -->\n"
	pageEnd   = "<!-- end of figures -->\n"
	// instructionsFile is what ./instructions -update records.
	instructionsFile = "testdata/instructions"
	curveFile        = "../../docs/images/cost-%s.svg"
)

// results are what benchmarks reported, by benchmark and unit, once for each run.
type results map[string]map[string][]float64

// readResults reads what `go test -bench` printed, and on which machine.
func readResults(file string) (results, string, error) {
	text, err := os.Open(file)
	if err != nil {
		return nil, "", err
	}
	defer func() { _ = text.Close() }()
	all, machine := results{}, ""
	for lines := bufio.NewScanner(text); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if cpu, ok := strings.CutPrefix(lines.Text(), "cpu: "); ok {
			machine = cpu
		}
		if len(fields) < 4 || !strings.HasPrefix(fields[0], "Benchmark") {
			continue
		}
		name := fields[0]
		if at := strings.LastIndexByte(name, '-'); at > 0 { // before the number of processors
			name = name[:at]
		}
		if all[name] == nil {
			all[name] = map[string][]float64{}
		}
		for i := 2; i+1 < len(fields); i += 2 {
			if value, err := strconv.ParseFloat(fields[i], 64); err == nil {
				all[name][fields[i+1]] = append(all[name][fields[i+1]], value)
			}
		}
	}
	return all, machine, nil
}

// median is that of all runs.
func (r results) median(benchmark, unit string) (float64, bool) {
	values := slices.Sorted(slices.Values(r["Benchmark"+benchmark][unit]))
	if len(values) == 0 {
		return 0, false
	}
	return values[len(values)/2], true
}

// runs is how often what was run most was run.
func (r results) runs() int {
	most := 0
	for _, units := range r {
		for _, values := range units {
			most = max(most, len(values))
		}
	}
	return most
}

// figure is one line of the table.
type figure struct{ what, benchmark, unit, target, format string }

func figures() []figure {
	return []figure{
		{"one cached image, a pull secret, 16 in flight, beside always-allow", "Validate/images=1/inflight=16", "ratio", "at least 1.0 of its requests a second", "%.2f"},
		{"the same, 99th percentile beside always-allow's", "Validate/images=1/inflight=16", "p99-ratio", "at most 1.0 of it", "%.2f"},
		{"the same in microseconds", "Validate/images=1/inflight=16", "p99-µs", "", "%.0f µs"},
		{"always-allow's", "Validate/images=1/inflight=16", "allow-p99-µs", "", "%.0f µs"},
		{"one cached image, 1 in flight, beside always-allow", "Validate/images=1/inflight=1", "ratio", "at least 1.0", "%.2f"},
		{"20 cached images, 16 in flight", "Validate/images=20/inflight=16", "ratio", "at least 0.8", "%.2f"},
		{"20 cached images, 1 in flight", "Validate/images=20/inflight=1", "ratio", "at least 0.8", "%.2f"},
		{"allocations of one, without the connection", "Cached/images=1/gate", "allocs/op", "", "%.0f"},
		{"always-allow's", "Cached/images=1/allow", "allocs/op", "", "%.0f"},
		{"allocations for 20 images", "Cached/images=20/gate", "allocs/op", "", "%.0f"},
		{"always-allow's", "Cached/images=20/allow", "allocs/op", "", "%.0f"},
		{"registry requests for what is cached", "Validate/images=1/inflight=16", "registry-req/op", "0", "%.0f"},
		{"a new image, open registry 20 ms away", "RoundTrips/open/images=1", "round-trips", "at most 2.2 round trips", "%.1f"},
		{"a new image, token registry, token known", "RoundTrips/known-token/images=1", "round-trips", "at most 2.2 round trips", "%.1f"},
		{"a new image, token registry, token not known", "RoundTrips/token/images=1", "round-trips", "at most 4.5 round trips", "%.1f"},
		{"20 new images of 20 repositories, token registry", "RoundTrips/token/images=20", "p50-ms", "at most 115 ms: 5 round trips and 15 ms", "%.0f ms"},
		{"100 new images, open registry", "RoundTrips/open/images=100", "round-trips", "under 8 round trips", "%.1f"},
		{"resident memory at idle", "Idle", "idle-MB", "45 MB", "%.0f MB"},
		{"with 100,000 cached answers", "Memory", "100k-cached-MB", "120 MB", "%.0f MB"},
		{"with 500 admissions hanging on a registry", "Hung/inflight=500", "most-MB", "200 MB", "%.0f MB"},
		{"with 2,000", "Hung/inflight=2000", "most-MB", "", "%.0f MB"},
		{"with 5,000", "Hung/inflight=5000", "most-MB", "", "%.0f MB"},
		{"with hostile registries and tenants that fill every cache", "Hostile", "full-MB", "250 MB", "%.0f MB"},
		{"at most, with 4 MB manifests and tag lists on their way", "Hostile", "most-MB", "", "%.0f MB"},
		{"2,000 at once from one client: the last answer", "Hung/inflight=2000", "last-s", "10 s", "%.1f s"},
		{"too late of these", "Hung/inflight=2000", "too-late", "0", "%.0f"},
		{"5,000 at once: the last answer", "Hung/inflight=5000", "last-s", "10 s", "%.1f s"},
		{"too late of these", "Hung/inflight=5000", "too-late", "0", "%.0f"},
		{"unknown without a warning, of all these", "Hung/inflight=5000", "unwarned", "0", "%.0f"},
		{"1,000 images of 50 namespaces with a pull secret each, token registry: its requests for each image", "Namespaces", "cold-req/image", "4: a challenge, a token, HEAD and GET", "%.1f"},
		{"the same again", "Namespaces", "warm-req/image", "0", "%.1f"},
		{"reads of a pull secret for both", "Namespaces", "secret-reads", "1", "%.1f"},
		{"`check` of 1,000 manifests with 300 images, registry 20 ms away", "Check/images=300", "check-s", "0.8 s", "%.2f s"},
		{"its memory", "Check/images=300", "check-MB", "80 MB", "%.0f MB"},
		{"`check` of 10,000 images", "Check/images=10000", "check-s", "12 s", "%.1f s"},
		{"its memory", "Check/images=10000", "check-MB", "200 MB", "%.0f MB"},
	}
}

// curves are what is drawn: a name, the axis below, and what is measured.
func curves() [][3]string {
	return [][3]string{
		{"images", "images of one Pod, all cached", "p50-µs"},
		{"distinct", "distinct images, 4 requests in flight", "p50-µs"},
		{"namespaces", "namespaces, 4 requests in flight", "p50-µs"},
		{"inflight", "requests in flight, one cached image", "req/s"},
		{"latency", "milliseconds to the registry, a new image", "p50-µs"},
	}
}

// rows are those of the table, each as what was measured beside what is aimed
// at; what was not run is left out unless all is wanted.
func (r results) rows(all bool) [][3]string {
	var rows [][3]string
	for _, f := range figures() {
		if value, ok := r.median(f.benchmark, f.unit); ok {
			rows = append(rows, [3]string{f.what, f.target, fmt.Sprintf(f.format, value)})
		} else if all {
			rows = append(rows, [3]string{f.what, f.target, "not run"})
		}
	}
	return append(rows, instructions()...)
}

// instructions are the rows of what was counted when that was recorded; none
// where nothing was.
func instructions() (rows [][3]string) {
	text, err := os.ReadFile(instructionsFile)
	if err != nil {
		return nil
	}
	counted := map[string]float64{}
	for line := range strings.Lines(string(text)) {
		name, count, _ := strings.Cut(strings.TrimSpace(line), " ")
		counted[name], _ = strconv.ParseFloat(count, 64) // of what is none, none
	}
	for _, images := range []int{1, 20} {
		gate, allow := counted[fmt.Sprintf("images=%d/gate", images)], counted[fmt.Sprintf("images=%d/allow", images)]
		if gate > 0 && allow > 0 {
			rows = append(rows, [3]string{
				fmt.Sprintf("instructions for cached images: %d, without the connection, as recorded", images), "at most always-allow's",
				fmt.Sprintf("%.0f thousand: %.2f of its", gate/1000, gate/allow),
			})
		}
	}
	return rows
}

// printTable prints what was measured.
func printTable(file string) error {
	measured, machine, err := readResults(file)
	if err != nil {
		return err
	}
	fmt.Printf("\n%s, %s; medians of up to %d runs; all that was reported is in %s\n\n", machine, cpus(), measured.runs(), file)
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "WHAT\tTARGET\tMEASURED") // Flush tells of failures
	for _, row := range measured.rows(false) {
		_, _ = fmt.Fprintln(table, strings.Join(row[:], "\t"))
	}
	return table.Flush()
}

// writePage writes the figures into the page, and draws the curves.
func writePage(file string) error {
	all, machine, err := readResults(file)
	if err != nil {
		return err
	}
	var table strings.Builder
	fmt.Fprintf(&table, "Measured on %s, %s; medians of up to %d runs.\n\n| what | target | measured |\n|---|---|---|\n", machine, cpus(), all.runs())
	for _, row := range all.rows(true) {
		fmt.Fprintf(&table, "| %s |\n", strings.Join(row[:], " | "))
	}
	table.WriteByte('\n')
	for _, curve := range curves() {
		name := fmt.Sprintf(curveFile, curve[0])
		if err := os.WriteFile(name, []byte(all.draw(curve)), 0o644); err != nil {
			return err
		}
		fmt.Fprintf(&table, "![%s](%s)\n", curve[1], strings.TrimPrefix(name, "../../docs/"))
	}
	page, err := os.ReadFile(pageFile)
	if err != nil {
		return err
	}
	before, rest, found := strings.Cut(string(page), pageBegin)
	_, after, ended := strings.Cut(rest, pageEnd)
	if !found || !ended {
		return fmt.Errorf("%s has no place for figures", pageFile)
	}
	return os.WriteFile(pageFile, []byte(before+pageBegin+table.String()+pageEnd+after), 0o644)
}

// draw draws one curve: the points at equal distances, with their values.
func (r results) draw(curve [3]string) string {
	type point struct {
		at    int
		value float64
	}
	var points []point
	prefix := "BenchmarkCurves/" + curve[0] + "/"
	for benchmark := range r {
		if at, err := strconv.Atoi(strings.TrimPrefix(benchmark, prefix)); err == nil {
			value, _ := r.median(strings.TrimPrefix(benchmark, "Benchmark"), curve[2])
			points = append(points, point{at, value})
		}
	}
	slices.SortFunc(points, func(a, b point) int { return cmp.Compare(a.at, b.at) })
	most := 1.0
	for _, p := range points {
		most = max(most, p.value)
	}
	const left, width, height = 60, 480, 200
	var line, marks strings.Builder
	for i, p := range points {
		x, y := left+width*i/max(len(points)-1, 1), 20+height*(1-p.value/most)
		fmt.Fprintf(&line, "%d,%.0f ", x, y)
		fmt.Fprintf(&marks, `<circle cx="%d" cy="%.0f" r="3"/><text x="%d" y="%.0f">%.0f</text><text x="%d" y="245">%d</text>`+"\n", x, y, x, y-6, p.value, x, p.at)
	}
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 600 285" font-family="sans-serif" font-size="11" text-anchor="middle">
<rect width="600" height="285" fill="white"/>
<polyline points="%s" fill="none" stroke="#2563eb" stroke-width="2"/>
%s<line x1="60" y1="225" x2="540" y2="225" stroke="#888"/>
<text x="300" y="268">%s</text><text x="60" y="12">%s</text>
</svg>
`, strings.TrimSpace(line.String()), marks.String(), curve[1], curve[2])
}
