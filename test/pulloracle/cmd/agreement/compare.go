package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/pullgate/pullgate/test/e2e/child"
	"github.com/pullgate/pullgate/test/pulloracle/golden"
	"github.com/pullgate/pullgate/test/pulloracle/pods"
)

const (
	// atOnce is how many Pods are made at a time: two cores start more of them
	// no sooner.
	atOnce = 50
	// patience bounds how long the kubelet may take to come to something with
	// them.
	patience = 2 * time.Minute
)

// row is what both said of one case.
type row struct {
	pods.Case
	Verdict, Reason, Message string
	pods.Outcome
}

// agrees: what is pullable was pulled, what is broken was not, and unknown fits
// anything. Of a volume that nobody mounts Pullgate may say that it has not
// looked.
func (r row) agrees() bool {
	switch r.Verdict {
	case "pullable":
		return r.Good() || r.Note != "" && strings.Contains(r.Message, r.Note)
	case "broken":
		return !r.Good()
	case "skipped":
		return r.Good() && r.Place == pods.Unmounted
	default:
		return r.Verdict == "unknown"
	}
}

// compare makes the Pods and returns what became of them, in the order of the
// cases, and the versions of kubelet and containerd.
func compare(ctx context.Context, o options, cases []pods.Case) (rows []row, versions [2]string, err error) {
	keeper, err := child.NewKeeper("", "pullgate-agreement")
	if err != nil {
		return nil, versions, err
	}
	s := &stage{options: o, cases: cases, dir: keeper.Dir}
	defer func() { err = errors.Join(err, keeper.Close()) }()
	defer func() { err = errors.Join(err, s.stop()) }()
	if err := s.start(ctx); err != nil {
		return nil, versions, err
	}
	if o.logs {
		defer func() { fmt.Println(s.rig.Gate.Log() + s.kubelet.Log() + s.node.Log()) }()
	}
	if rows, err = s.askInTurn(ctx); err != nil {
		return nil, versions, err
	}
	versions, err = s.versions(ctx)
	return rows, versions, err
}

// askInTurn makes the Pods that reuse what others have pulled when the Node
// lists it.
func (s *stage) askInTurn(ctx context.Context) ([]row, error) {
	var turns [2][]pods.Case
	var reused []string
	for _, c := range s.cases {
		if c.Later {
			turns[1], reused = append(turns[1], c), append(reused, s.maker.Image(c))
		} else {
			turns[0] = append(turns[0], c)
		}
	}
	var rows []row
	for turn, cases := range turns {
		if turn == 1 {
			if err := s.awaitImages(ctx, reused); err != nil {
				return nil, err
			}
		}
		for some := range slices.Chunk(cases, atOnce) {
			more, err := s.ask(ctx, some)
			if err != nil {
				return nil, err
			}
			rows = append(rows, more...)
		}
	}
	position := map[string]int{}
	for i, c := range s.cases {
		position[c.Name] = i
	}
	slices.SortFunc(rows, func(a, b row) int { return position[a.Name] - position[b.Name] })
	return rows, nil
}

// versions are those of the kubelet and of containerd, as the Node has them.
func (s *stage) versions(ctx context.Context) (versions [2]string, err error) {
	out, err := s.rig.Must(ctx, "", "get", "node", nodeName, "-o",
		"jsonpath={.status.nodeInfo.kubeletVersion} {.status.nodeInfo.containerRuntimeVersion}")
	kubelet, containerd, _ := strings.Cut(out, " containerd://")
	return [2]string{kubelet, containerd}, err
}

// ask makes Pods, and returns when the kubelet has come to something with each.
func (s *stage) ask(ctx context.Context, cases []pods.Case) ([]row, error) {
	var objects []any
	for _, c := range cases {
		objects = append(objects, s.maker.Objects(c)...)
	}
	list, err := json.Marshal(map[string]any{"apiVersion": "v1", "kind": "List", "items": objects})
	if err != nil {
		return nil, fmt.Errorf("encode the Pods: %w", err)
	}
	if _, err := s.rig.Must(ctx, string(list), "create", "-f", "-"); err != nil {
		return nil, err
	}
	said, err := s.said()
	if err != nil {
		return nil, err
	}
	rows := make([]row, len(cases))
	for i, c := range cases {
		rows[i] = said[c.Name].row(c)
	}
	return rows, s.awaitOutcomes(ctx, rows)
}

// awaitOutcomes fills in what the kubelet did, and prints each row.
func (s *stage) awaitOutcomes(ctx context.Context, rows []row) error {
	var failure error
	var missing []string
	err := s.kubelet.Await("done with its Pods", time.Now().Add(patience), func() bool {
		missing = nil
		failure = s.observe(ctx, rows)
		for _, r := range rows {
			if !r.Definite() {
				missing = append(missing, r.Name)
			}
		}
		return failure != nil || len(missing) == 0
	})
	if err != nil {
		err = fmt.Errorf("nothing came of %s: %w", strings.Join(missing, ", "), err)
	}
	return errors.Join(failure, err)
}

// observe asks the API server once for all Pods and events.
func (s *stage) observe(ctx context.Context, rows []row) error {
	var listed struct {
		Pods   corev1.PodList
		Events corev1.EventList
	}
	for what, into := range map[string]any{"pods": &listed.Pods, "events": &listed.Events} {
		out, err := s.rig.Must(ctx, "", "get", what, "-n", pods.Namespace, "-o", "json")
		if err == nil {
			err = json.Unmarshal([]byte(out), into)
		}
		if err != nil {
			return fmt.Errorf("read the %s: %w", what, err)
		}
	}
	byName, events := map[string]corev1.Pod{}, map[string][]corev1.Event{}
	for _, pod := range listed.Pods.Items {
		byName[pod.Name] = pod
	}
	for _, event := range listed.Events.Items {
		events[event.InvolvedObject.Name] = append(events[event.InvolvedObject.Name], event)
	}
	for i, r := range rows {
		if r.Definite() {
			continue
		}
		rows[i].Outcome = pods.OutcomeOf(r.Case, s.maker.Image(r.Case), byName[r.Name], events[r.Name])
		rows[i].Words = golden.Normalise(s.lab.Normalise(r.Source(), rows[i].Words))
		if rows[i].Definite() {
			rows[i].print()
		}
	}
	return nil
}

func (r row) print() {
	mark := "agree"
	if !r.agrees() {
		mark = "DIFFER"
	}
	fmt.Printf("%s  %-29s  %-30s  %-16s  %s\n", mark, r.Name, r.said(), r.Outcome.Reason, r.Words)
}

// said is what Pullgate said of a Pod.
type said []struct{ Field, Verdict, Reason, Message string }

// row is a case with what was said of its image; what is plainly fine is not
// mentioned.
func (list said) row(c pods.Case) row {
	for _, finding := range list {
		if finding.Field == c.Field() {
			return row{Case: c, Verdict: finding.Verdict, Reason: finding.Reason, Message: finding.Message}
		}
	}
	return row{Case: c, Verdict: "pullable", Reason: "Pullable"}
}

// said reads from the API server's audit log what Pullgate annotated.
func (s *stage) said() (map[string]said, error) {
	log, err := os.ReadFile(s.rig.AuditLog())
	if err != nil {
		return nil, fmt.Errorf("read the audit log: %w", err)
	}
	all := map[string]said{}
	for line := range bytes.Lines(log) {
		var event struct {
			Verb        string
			ObjectRef   struct{ Namespace, Name string }
			Annotations map[string]string
		}
		if err := json.Unmarshal(line, &event); err != nil {
			return nil, fmt.Errorf("read the audit log: %w", err)
		}
		if event.Verb != "create" || event.ObjectRef.Namespace != pods.Namespace {
			continue
		}
		for key, value := range event.Annotations {
			if !strings.HasSuffix(key, ".pullgate.dev/images") {
				continue
			}
			var findings said
			if err := json.Unmarshal([]byte(value), &findings); err != nil {
				return nil, fmt.Errorf("read what was said of Pod %s: %w", event.ObjectRef.Name, err)
			}
			all[event.ObjectRef.Name] = findings
		}
	}
	return all, nil
}
