package doctor

import (
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
)

// checkCertificate looks whether API servers trust what replicas serve with.
func checkCertificate(r *Record) Check {
	if r.Webhook.Err != nil {
		return untold("not looked at: the webhook configuration is not known")
	}
	var seen *x509.Certificate
	var unseen []string
	for _, one := range r.Served {
		if one.Err != nil || len(one.Chain) == 0 {
			unseen = append(unseen, fmt.Sprintf("%s: %v", one.Replica, one.Err))
			continue
		}
		seen = one.Chain[0]
		for i := range r.Webhook.Value.Webhooks {
			if err := trusted(&r.Webhook.Value.Webhooks[i], one.Chain, hostOf(r.Target), r.Clocks.now()); err != nil {
				return distrusted(r, one, &r.Webhook.Value.Webhooks[i], err)
			}
		}
	}
	switch {
	case seen == nil && len(r.Served) == 0:
		return untold("no replica was found to show its own")
	case seen == nil:
		return untold("no replica could be asked for its own, from %s", r.From).because(unseen...)
	default:
		return fine("API servers trust it, until %s", seen.NotAfter.UTC().Format(time.RFC3339)).because(unseen...)
	}
}

// errNoBundle is for a caBundle without a certificate.
var errNoBundle = errors.New("the caBundle holds no certificate")

// trusted tells whether an API server trusts a chain, as it is told to by an
// entry (apiserver pkg/util/webhook/client.go: an empty caBundle is the system's
// authorities).
func trusted(entry *admissionv1.ValidatingWebhook, chain []*x509.Certificate, host string, at time.Time) error {
	options := x509.VerifyOptions{DNSName: host, CurrentTime: at, Intermediates: x509.NewCertPool()}
	for _, between := range chain[1:] {
		options.Intermediates.AddCert(between)
	}
	if len(entry.ClientConfig.CABundle) > 0 {
		options.Roots = x509.NewCertPool()
		if !options.Roots.AppendCertsFromPEM(entry.ClientConfig.CABundle) {
			return errNoBundle
		}
	}
	_, err := chain[0].Verify(options)
	return err
}

// distrusted says why a certificate is not trusted.
func distrusted(r *Record, one Served, entry *admissionv1.ValidatingWebhook, err error) Check {
	leaf := one.Chain[0]
	var invalid x509.CertificateInvalidError
	var named x509.HostnameError
	evidence := fmt.Sprintf("%s serves with %s, made by %s for %s, valid from %s to %s", one.Replica, leaf.Subject, leaf.Issuer, strings.Join(leaf.DNSNames, ", "),
		leaf.NotBefore.UTC().Format(time.RFC3339), leaf.NotAfter.UTC().Format(time.RFC3339))
	switch {
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired && r.Clocks.now().Before(leaf.NotBefore):
		return renew(r, wrong(ClockWrong, "the certificate of %s is not valid yet, by the API server's clock: it was made where the clock is ahead", one.Replica).
			because(evidence).fill("set the clock there, on the node of the replica", "sudo timedatectl set-ntp true"))
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return renew(r, wrong(Expired, "the certificate of %s expired on %s", one.Replica, leaf.NotAfter.UTC().Format(time.DateOnly)).because(evidence))
	case errors.As(err, &named):
		return renew(r, wrong(WrongName, "the certificate of %s is not for %s, by which API servers call", one.Replica, hostOf(r.Target)).because(evidence))
	case len(entry.ClientConfig.CABundle) == 0:
		return bundle(r, wrong(Untrusted, "%s has no caBundle, so that API servers do not trust Pullgate", entry.Name).because(evidence))
	default:
		return bundle(r, wrong(Untrusted, "API servers do not trust the certificate of %s: %v (the caBundle of %s)", one.Replica, err, entry.Name).because(evidence))
	}
}

// renew says how to get another certificate.
func renew(r *Record, check Check) Check {
	running := programOf(r)
	if secret := running.flag("cert-secret"); running.managesCertificate() && secret != "" {
		return check.destroy("have Pullgate make another one", fmt.Sprintf("%s delete secret %s", r.own(), secret))
	}
	return check.advise(fmt.Sprintf("renew it, for the name %s, in the Secret of the chart's certificate.existingSecret; it is taken up without a restart", hostOf(r.Target)))
}

// bundle says how the configuration gets another caBundle.
func bundle(r *Record, check Check) Check {
	running := programOf(r)
	if running.managesCertificate() {
		return check.advise("Pullgate writes it by itself within a second, if it may: see rights below").
			look("see what keeps it from that", fmt.Sprintf("%s logs deployment/%s --all-pods --prefix --tail=200 | grep -i -e caBundle -e certificate", r.own(), r.Target.Service)).
			change("have it begin anew", fmt.Sprintf("%s rollout restart deployment/%s", r.own(), r.Target.Service))
	}
	return check.fill("give the chart the authority's certificate",
		fmt.Sprintf("helm upgrade RELEASE CHART --namespace %s --reuse-values --set-file certificate.caBundle=FILE", r.Target.Namespace))
}
