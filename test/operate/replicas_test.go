package operate

import (
	"testing"
)

func TestInstall(t *testing.T) {
	installed(t)
	unharmed(t, func() error { return nil })
}

func TestRollingRestart(t *testing.T) {
	installed(t)
	unharmed(t, func() error {
		if _, err := on.Must(t.Context(), "", "-n", namespace, "rollout", "restart", "deployment/pullgate"); err != nil {
			return err
		}
		_, err := on.Must(t.Context(), "", "-n", namespace, "rollout", "status", "deployment/pullgate", "--timeout=2m")
		return err
	})
}
