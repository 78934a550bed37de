package policy

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"time"

	"github.com/containerd/platforms"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pullgate/pullgate/resolver/pull"
	"github.com/pullgate/pullgate/workload"
)

// validate returns every problem with the path of its key, joined.
func (c *Configuration) validate() error {
	var errs field.ErrorList
	if c.APIVersion != APIVersion {
		errs = append(errs, field.NotSupported(field.NewPath("apiVersion"), c.APIVersion, []string{APIVersion}))
	}
	if c.Kind != Kind {
		errs = append(errs, field.NotSupported(field.NewPath("kind"), c.Kind, []string{Kind}))
	}
	errs = append(errs, oneOf(field.NewPath("mode"), c.Mode, modes(), true)...)
	errs = append(errs, oneOf(field.NewPath("onUnknown"), c.OnUnknown, []OnUnknown{UnknownWarn, UnknownDeny, UnknownAllow}, true)...)
	errs = append(errs, oneOf(field.NewPath("dryRunMode"), c.DryRunMode, modes(), true)...)
	errs = append(errs, oneOf(field.NewPath("depth"), c.Depth, []Depth{Manifest, Layers}, true)...)
	errs = append(errs, c.validateRules()...)
	for i, note := range c.Notes {
		errs = append(errs, oneOf(field.NewPath("notes").Index(i), note, []pull.NoteReason{pull.UnpinnedTag}, false)...)
	}
	errs = append(errs, c.Registries.validate()...)
	errs = append(errs, c.Nodes.validate()...)
	errs = append(errs, c.Audit.validate()...)
	errs = append(errs, c.Cache.validate()...)
	errs = append(errs, c.validateWorkloads()...)
	problems := make([]error, 0, len(errs))
	for _, err := range errs {
		problems = append(problems, err)
	}
	return errors.Join(problems...)
}

// validateWorkloads gives each problem of the list, which workload finds, the
// path of its element.
func (c *Configuration) validateWorkloads() (errs field.ErrorList) {
	_, err := workload.NewKinds(c.Workloads)
	if err == nil {
		return nil
	}
	problems := []error{err}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		problems = joined.Unwrap()
	}
	for _, problem := range problems {
		at := ""
		var wrong *workload.FieldError
		if errors.As(problem, &wrong) {
			at, problem = wrong.Field, wrong.Err
		}
		errs = append(errs, field.Invalid(field.NewPath("workloads"+at), field.OmitValueType{}, problem.Error()))
	}
	return errs
}

func modes() []Mode { return []Mode{Enforce, Warn, Audit, Off} }

// oneOf checks that a value is in a closed set, or empty where that is allowed.
func oneOf[T ~string](path *field.Path, value T, set []T, orEmpty bool) field.ErrorList {
	if orEmpty && value == "" || slices.Contains(set, value) {
		return nil
	}
	if value == "" {
		return field.ErrorList{field.Required(path, fmt.Sprintf("one of %v", set))}
	}
	return field.ErrorList{field.NotSupported(path, value, set)}
}

func (c *Configuration) validateRules() (errs field.ErrorList) {
	var known []pull.Reason
	for _, entry := range pull.Standard().Reasons {
		known = append(known, entry.Reason)
	}
	slices.Sort(known)
	for i, rule := range c.Rules {
		path := field.NewPath("rules").Index(i)
		errs = append(errs, oneOf(path.Child("mode"), rule.Mode, modes(), false)...)
		for j, reason := range rule.Reasons {
			errs = append(errs, oneOf(path.Child("reasons").Index(j), pull.Reason(reason), known, false)...)
		}
		errs = append(errs, noEmpty(path.Child("namespaces"), rule.Namespaces)...)
		errs = append(errs, noEmpty(path.Child("images"), rule.Images)...)
	}
	exempt := field.NewPath("exempt")
	errs = append(errs, noEmpty(exempt.Child("namespaces"), c.Exempt.Namespaces)...)
	errs = append(errs, noEmpty(exempt.Child("images"), c.Exempt.Images)...)
	return append(errs, noEmpty(exempt.Child("users"), c.Exempt.Users)...)
}

// noEmpty refuses empty patterns, which match nothing and mean a slip.
func noEmpty(path *field.Path, patterns []string) (errs field.ErrorList) {
	for i, pattern := range patterns {
		if pattern == "" {
			errs = append(errs, field.Required(path.Index(i), "a glob; * matches everything"))
		}
	}
	return errs
}

func (r Registries) validate() (errs field.ErrorList) {
	path := field.NewPath("registries")
	errs = append(validateNetworks(path.Child("allowAddresses"), r.AllowAddresses), validateNetworks(path.Child("denyAddresses"), r.DenyAddresses)...)
	for i, port := range r.DenyPorts {
		if port < 1 || port > math.MaxUint16 {
			errs = append(errs, field.Invalid(path.Child("denyPorts").Index(i), port, "no port"))
		}
	}
	return errs
}

func validateNetworks(path *field.Path, networks []string) (errs field.ErrorList) {
	for i, cidr := range networks {
		if _, err := netip.ParsePrefix(cidr); err != nil {
			errs = append(errs, field.Invalid(path.Index(i), cidr, "no network in CIDR notation, such as 127.0.0.0/8"))
		}
	}
	return errs
}

func (n Nodes) validate() (errs field.ErrorList) {
	path := field.NewPath("nodes")
	for i, platform := range n.Platforms {
		if _, err := platforms.Parse(platform); err != nil {
			errs = append(errs, field.Invalid(path.Child("platforms").Index(i), platform, "no platform: write OS/ARCH[/VARIANT], such as linux/arm64"))
		}
	}
	for i, runtime := range n.Runtimes {
		errs = append(errs, oneOf(path.Child("runtimes").Index(i), runtime, pull.RuntimeNames(), false)...)
	}
	for i, file := range n.Profiles {
		if file == "" {
			errs = append(errs, field.Required(path.Child("profiles").Index(i), "a file with a node profile"))
		}
	}
	if n.ProfilesNamespace != "" {
		for _, wrong := range validation.IsDNS1123Label(n.ProfilesNamespace) {
			errs = append(errs, field.Invalid(path.Child("profilesNamespace"), n.ProfilesNamespace, wrong))
		}
	}
	for i, cloud := range n.CloudCredentials {
		errs = append(errs, oneOf(path.Child("cloudCredentials").Index(i), cloud, pull.Clouds(), false)...)
	}
	errs = append(errs, noEmpty(path.Child("hiddenCredentials"), n.HiddenCredentials)...)
	return append(errs, n.CredentialProviders.validate(path.Child("credentialProviders"))...)
}

func (p CredentialProviders) validate(path *field.Path) (errs field.ErrorList) {
	switch {
	case p.Config == "" && p.BinDir != "":
		return field.ErrorList{field.Required(path.Child("config"), "it belongs to binDir")}
	case p.BinDir == "" && p.Config != "":
		return field.ErrorList{field.Required(path.Child("binDir"), "it belongs to config")}
	default:
		return nil
	}
}

// The least that an auditor can work with: a question may cost that many
// requests, and a broken image is looked at again before the next interval.
const (
	minAuditRequests = 10
	minAuditInterval = 10 * time.Minute
)

func (a Auditing) validate() (errs field.ErrorList) {
	path := field.NewPath("audit")
	if a.Interval != nil && a.Interval.Duration < minAuditInterval {
		errs = append(errs, field.Invalid(path.Child("interval"), a.Interval.Duration.String(), "is less than 10m"))
	}
	if n := a.RequestsPerHour; n != 0 && n < minAuditRequests {
		errs = append(errs, field.Invalid(path.Child("requestsPerHour"), n, "is less than 10"))
	}
	for i, registry := range a.Registries {
		at := path.Child("registries").Index(i)
		if registry.Host == "" {
			errs = append(errs, field.Required(at.Child("host"), "the registry's host, such as docker.io"))
		}
		if registry.RequestsPerHour < minAuditRequests {
			errs = append(errs, field.Invalid(at.Child("requestsPerHour"), registry.RequestsPerHour, "is less than 10"))
		}
	}
	for i, accepted := range a.Accepted {
		errs = append(errs, accepted.validate(path.Child("accepted").Index(i))...)
	}
	return errs
}

func (a Acceptance) validate(path *field.Path) (errs field.ErrorList) {
	if _, err := time.Parse(time.DateOnly, a.Until); err != nil {
		errs = append(errs, field.Invalid(path.Child("until"), a.Until, "is no day: write it like 2026-12-31"))
	}
	errs = append(errs, noEmpty(path.Child("namespaces"), a.Namespaces)...)
	return append(errs, noEmpty(path.Child("images"), a.Images)...)
}

func (c Cache) validate() (errs field.ErrorList) {
	path := field.NewPath("cache")
	if ttl := c.PositiveTTL; ttl != nil && ttl.Duration < 0 {
		errs = append(errs, field.Invalid(path.Child("positiveTTL"), ttl.Duration.String(), "is negative"))
	}
	if c.Size < 0 {
		errs = append(errs, field.Invalid(path.Child("size"), c.Size, "is negative"))
	}
	return errs
}

// AllowedNetworks returns registries.allowAddresses, which Parse has checked.
func (c *Configuration) AllowedNetworks() []netip.Prefix {
	return networksOf(c.Registries.AllowAddresses)
}

// DeniedNetworks returns denyAddresses, which Parse has checked.
func (r Registries) DeniedNetworks() []netip.Prefix { return networksOf(r.DenyAddresses) }

func networksOf(cidrs []string) []netip.Prefix {
	var networks []netip.Prefix
	for _, cidr := range cidrs {
		if network, err := netip.ParsePrefix(cidr); err == nil {
			networks = append(networks, unmapped(network).Masked())
		}
	}
	return networks
}

// unmapped makes of IPv4 addresses written as IPv6 (::ffff:127.0.0.0/104) what
// they are.
func unmapped(network netip.Prefix) netip.Prefix {
	if addr := network.Addr(); addr.Is4In6() && network.Bits() >= 96 {
		return netip.PrefixFrom(addr.Unmap(), network.Bits()-96)
	}
	return network
}
