// Package load asks an API server for Deployments, good and bad ones in turn,
// and counts what was answered. The requests are dry runs: webhooks are called
// as for any other, and nothing is left behind.
package load

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/pullgate/pullgate/test/e2e/cluster"
)

// Images name what is asked for: the nth good and the nth bad image.
type Images interface {
	Good(n int) string
	Bad(n int) string
}

// Load is a steady one.
type Load struct {
	Cluster *cluster.Cluster
	Images  Images
	// Clients is how many ask, each over connections of its own.
	Clients int
	// Every is the pause of each client between two questions.
	Every time.Duration
}

// Count is what came of a load.
type Count struct {
	// Asked is how many answers there were.
	Asked int
	// Failed is how many were neither let in nor refused for their image: the
	// webhook was not reached, or did not answer.
	Failed int
	// LetIn is how many bad images were let in, and RefusedGood how many good
	// ones were refused.
	LetIn, RefusedGood int
	// First and Last are when an admission failed.
	First, Last time.Time
	// Told are the first answers that were wrong.
	Told []string
}

// String is for a test's log.
func (c Count) String() string {
	text := fmt.Sprintf("%d asked: %d failed, %d bad let in, %d good refused", c.Asked, c.Failed, c.LetIn, c.RefusedGood)
	if c.Failed > 0 {
		text += fmt.Sprintf(", in %v", c.Last.Sub(c.First).Round(time.Millisecond))
	}
	return strings.Join(append([]string{text}, c.Told...), "\n    ")
}

// Wrong is how many answers were not what they should have been.
func (c Count) Wrong() int { return c.Failed + c.LetIn + c.RefusedGood }

// During loads while something is done, and a moment before and after.
func (l Load) During(ctx context.Context, do func() error) (Count, error) {
	asking, stop := context.WithCancel(ctx)
	defer stop()
	var count counter
	var clients sync.WaitGroup
	for client := range l.Clients {
		asker, url, err := l.Cluster.Connect()
		if err != nil {
			return Count{}, err
		}
		asker.Timeout = 30 * time.Second
		clients.Go(func() { l.ask(asking, asker, url, client, &count) })
	}
	const moment = 20 // questions of each client
	err := count.await(ctx, moment*l.Clients)
	if err == nil {
		err = do()
	}
	if err == nil {
		err = count.await(ctx, moment*l.Clients)
	}
	stop()
	clients.Wait()
	return count.Count, err
}

func (l Load) ask(ctx context.Context, client *http.Client, url string, first int, count *counter) {
	ticks := time.NewTicker(l.Every)
	defer ticks.Stop()
	for n := first; ctx.Err() == nil; n += l.Clients {
		good := (n/l.Clients)%2 == 0
		image := l.Images.Bad(n)
		if good {
			image = l.Images.Good(n)
		}
		// What was asked is to be answered, whatever ends the load.
		code, body, err := post(context.WithoutCancel(ctx), client, url, image)
		count.add(good, code, body, err)
		select {
		case <-ticks.C:
		case <-ctx.Done():
		}
	}
}

// post asks for a Deployment.
func post(ctx context.Context, client *http.Client, url, image string) (code int, body string, err error) {
	type object = map[string]any
	labels := object{"app": "web"}
	text, err := json.Marshal(object{
		"apiVersion": "apps/v1", "kind": "Deployment", "metadata": object{"generateName": "web-"},
		"spec": object{"selector": object{"matchLabels": labels}, "template": object{
			"metadata": object{"labels": labels},
			"spec":     object{"containers": []object{{"name": "web", "image": image}}},
		}},
	})
	if err != nil {
		return 0, "", err
	}
	url += "/apis/apps/v1/namespaces/default/deployments?dryRun=All"
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(text))
	if err != nil {
		return 0, "", err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := client.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(response.Body)
	if response.StatusCode == http.StatusCreated {
		answer = []byte(strings.Join(response.Header.Values("Warning"), "; "))
	}
	return response.StatusCode, string(answer), err
}

// counter counts what several clients are answered.
type counter struct {
	mu sync.Mutex
	Count
}

func (c *counter) add(good bool, code int, body string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.Asked++
	refused := code == http.StatusForbidden && strings.Contains(body, "denied the request")
	switch {
	case err != nil, code != http.StatusCreated && !refused:
		now := time.Now()
		if c.Failed == 0 {
			c.First = now
		}
		c.Failed++
		c.Last = now
	case good && refused:
		c.RefusedGood++
	case !good && !refused:
		c.LetIn++
	default:
		return
	}
	const told = 5
	if len(c.Told) < told {
		c.Told = append(c.Told, fmt.Sprintf("good %t: %d %.400s %v", good, code, body, err))
	}
}

// await waits until so many more have been answered.
func (c *counter) await(ctx context.Context, more int) error {
	c.mu.Lock()
	until := c.Asked + more
	c.mu.Unlock()
	for {
		c.mu.Lock()
		reached := c.Asked >= until
		c.mu.Unlock()
		if reached {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}
