package certs

import (
	"crypto/tls"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// expiry is the gauge of what is left of a certificate's life.
func expiry(get func(*tls.ClientHelloInfo) (*tls.Certificate, error), now func() time.Time) prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "pullgate_certificate_expiry_seconds",
		Help: "How long the serving certificate is still good for; 0 without one, negative once it has expired.",
	}, func() float64 {
		certificate, err := get(nil)
		if err != nil || certificate.Leaf == nil {
			return 0
		}
		return certificate.Leaf.NotAfter.Sub(now()).Seconds()
	})
}

// Register registers the folder's metrics.
func (d *Dir) Register(registerer prometheus.Registerer) {
	registerer.MustRegister(expiry(d.GetCertificate, time.Now))
}

// Register registers the manager's metrics.
func (m *Manager) Register(registerer prometheus.Registerer) {
	registerer.MustRegister(expiry(m.GetCertificate, m.now),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "pullgate_certificate_reconciliation_age_seconds",
			Help: "How long ago the certificate, its Secret and the caBundle were last found to be, or made, as they should be; -1: never yet.",
		}, func() float64 {
			last := m.reconciled.Load()
			if last == nil {
				return -1
			}
			return m.now().Sub(*last).Seconds()
		}),
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "pullgate_ca_bundle_writes_total",
			Help: "How often this replica has written the caBundle; it goes on growing where something else resets it.",
		}, func() float64 { return float64(m.writes.Load()) }),
	)
}
