package keyring

// DefaultHiddenHosts are the registries of the clouds whose nodes log in by
// their own identity: the hosts that the clouds' credential providers serve.
// A `*` stands for one label, or for a part of one.
func DefaultHiddenHosts() []string {
	return []string{
		// ecr-credential-provider: accounts, plain, FIPS and dual-stack, in
		// every partition.
		"*.dkr.ecr*.*.amazonaws.com",
		"*.dkr.ecr*.*.amazonaws.com.cn",
		"*.dkr.ecr*.*.amazonaws.eu",
		"*.dkr-ecr*.*.on.aws",
		"*.dkr-ecr*.*.on.amazonwebservices.com.cn",
		"*.dkr.ecr*.*.sc2s.sgov.gov",
		"*.dkr.ecr*.*.c2s.ic.gov",
		"*.dkr.ecr*.*.cloud.adc-e.uk",
		"*.dkr.ecr*.*.csp.hci.ic.gov",
		// auth-provider-gcp
		"gcr.io",
		"*.gcr.io",
		"*.pkg.dev",
		"container.cloud.google.com",
		// acr-credential-provider
		"*.azurecr.io",
		"*.azurecr.cn",
		"*.azurecr.de",
		"*.azurecr.us",
	}
}
