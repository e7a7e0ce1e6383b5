package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"text/tabwriter"
	"time"

	"kensa/warning/serve"
)

type statusCommand struct {
	URL  string `default:"http://127.0.0.1:8090" placeholder:"URL" help:"Address of the service (${default})."`
	JSON bool   `name:"json" help:"Print JSON, as /api/status gives it."`
}

// maxAnswer is far above any status, in bytes.
const maxAnswer = 256 << 20

// Run asks the service and prints its answer.
func (c *statusCommand) Run(ctx context.Context, std streams) error {
	body, err := c.ask(ctx)
	if err != nil {
		return failure{fmt.Errorf("status: %w", err), exitNoAnswer, ""}
	}
	if c.JSON {
		_, err := std.out.Write(body)
		return err
	}
	var st serve.Status
	if err := json.Unmarshal(body, &st); err != nil {
		return failure{fmt.Errorf("status: %s: %w", c.URL, err), exitNoAnswer, "is it a kensa-warning of this version?"}
	}
	return printStatus(std.out, st)
}

func (c *statusCommand) ask(ctx context.Context) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.URL+"/api/status", nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", response.Status, body)
	}
	return body, err
}

func printStatus(out io.Writer, st serve.Status) error {
	broker := "connected"
	if !st.Broker.Up {
		broker = "not connected: " + st.Broker.Error
	}
	lasting := 0
	for _, w := range st.Warnings {
		if w.Until == nil {
			lasting++
		}
	}
	fmt.Fprintf(out, "broker %s, %s\n%d warnings now, %d in all\n\n", st.Broker.URL, broker, lasting, len(st.Warnings))
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "NODE\tENROLLED\tEPOCH\tCOMMITTED\tRECORDS\tLOST\tREFUSED")
	for _, n := range st.Nodes {
		var refused uint64
		for _, count := range n.Refused {
			refused += count
		}
		fmt.Fprintf(t, "%s\t%v\t%.8s\t%d\t%d\t%d\t%d\n", n.Node, n.Enrolled, n.Epoch, n.Seq, n.Records, n.Lost, refused)
	}
	fmt.Fprintln(t, "\nNODE\tPRODUCT\tSTATE\tWAFERS\tAVERAGE")
	for _, s := range st.Streams {
		average := "-"
		if n := len(s.Points); n > 0 {
			average = fmt.Sprintf("%+.2f", s.Points[n-1].Average)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%d\t%s\n", s.Node, s.Product, s.State, s.Wafers, average)
	}
	return t.Flush()
}
