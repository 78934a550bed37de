package lab

import (
	"context"

	"github.com/pullgate/pullgate/test/pulloracle/scenario"
)

// StartApart runs the servers so that each scenario has its own ones, which
// answer its GET /v2/, too: CRI-O asks that first, and goes on by the answer.
// Where blobs have moved to, token servers, and what does not speak HTTP are
// everybody's.
func StartApart(ctx context.Context, scenarios []scenario.Scenario, dir string) (*Lab, error) {
	return open(ctx, &Lab{apart: true}, scenarios, dir)
}

// playApart runs the servers that a scenario's image and certs.d name.
func (l *Lab) playApart(ctx context.Context, st *stage) error {
	if !l.apart {
		return nil
	}
	st.addresses = map[string]string{}
	for _, role := range []string{
		scenario.Plain, scenario.Mirror, scenario.Mirror2, scenario.TLS, scenario.SelfSigned, scenario.Expired,
		scenario.OtherName, scenario.ClientTLS, scenario.OldTLS,
	} {
		if !uses(st.Scenario, "{"+role+"}") && !usesPort(st.Scenario, role) {
			continue
		}
		listener, err := l.listen(ctx)
		if err != nil {
			return err
		}
		st.addresses[role] = listener.Addr().String()
		l.run(listener, l.handler(role, st), l.settings[role])
	}
	return nil
}

// usesPort tells whether a scenario names the port of a server alone.
func usesPort(s scenario.Scenario, role string) bool {
	return role == scenario.Plain && uses(s, "{port}") || role == scenario.TLS && uses(s, "{tlsport}")
}

// address is that of the scenario's own server, or of everybody's.
func (st *stage) address(role string) string {
	if own, ok := st.addresses[role]; ok {
		return own
	}
	return st.lab.addresses[role]
}
