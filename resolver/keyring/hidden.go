package keyring

import "slices"

// DefaultHiddenHosts are the registries of the clouds whose nodes log in by
// their own identity: the hosts that the clouds' credential providers serve. A
// `*` stands for one label, or for a part of one.
func DefaultHiddenHosts() []string {
	return slices.Concat(ecrHosts(), googleHosts(), acrHosts())
}

// ecrHosts are those of ecr-credential-provider: accounts, plain, FIPS and
// dual-stack, in every partition.
func ecrHosts() []string {
	return []string{
		"*.dkr.ecr*.*.amazonaws.com",
		"*.dkr.ecr*.*.amazonaws.com.cn",
		"*.dkr.ecr*.*.amazonaws.eu",
		"*.dkr-ecr*.*.on.aws",
		"*.dkr-ecr*.*.on.amazonwebservices.com.cn",
		"*.dkr.ecr*.*.sc2s.sgov.gov",
		"*.dkr.ecr*.*.c2s.ic.gov",
		"*.dkr.ecr*.*.cloud.adc-e.uk",
		"*.dkr.ecr*.*.csp.hci.ic.gov",
	}
}

// googleHosts are those of auth-provider-gcp.
func googleHosts() []string {
	return []string{"gcr.io", "*.gcr.io", "*.pkg.dev", "container.cloud.google.com"}
}

// acrHosts are those of acr-credential-provider.
func acrHosts() []string {
	return []string{"*.azurecr.io", "*.azurecr.cn", "*.azurecr.de", "*.azurecr.us"}
}
