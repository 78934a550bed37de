package nodeprofile

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"sigs.k8s.io/yaml"
)

// readKubeletConfig is what of a KubeletConfiguration bears on pulls. Of settings
// that the kubelet has from 1.36 on as configuration as well as by flag, the
// flags win.
type kubeletConfig struct {
	RegistryPullQPS      *int32   `json:"registryPullQPS"`
	RegistryBurst        *int32   `json:"registryBurst"`
	SerializeImagePulls  *bool    `json:"serializeImagePulls"`
	MaxParallel          *int32   `json:"maxParallelImagePulls"`
	Verification         string   `json:"imagePullCredentialsVerificationPolicy"`
	Preloaded            []string `json:"preloadedImagesVerificationAllowlist"`
	ProviderConfig       string   `json:"imageCredentialProviderConfigFile"`
	ProviderBin          string   `json:"imageCredentialProviderBinDir"`
	ContainerRuntimePath string   `json:"containerRuntimeEndpoint"`
}

// kubeletFlags are those that bear on pulls.
func kubeletFlags() []string {
	return []string{"config", "config-dir", "root-dir", "container-runtime-endpoint", "image-credential-provider-config",
		"image-credential-provider-bin-dir", "registry-qps", "registry-burst", "serialize-image-pulls"}
}

// kubeletUnits are the services that are, or run, a kubelet.
func kubeletUnits() []string {
	return []string{"kubelet", "k3s", "k3s-agent", "rke2-server", "rke2-agent", "snap.microk8s.daemon-kubelite", "k0sworker", "k0scontroller"}
}

// kubeletFiles are where flags and configuration are by habit, besides what the
// units say.
func kubeletFiles() (arguments, configs []string) {
	return []string{"/var/lib/kubelet/kubeadm-flags.env", "/etc/default/kubelet", "/etc/sysconfig/kubelet", "/var/snap/microk8s/current/args/kubelet"},
		[]string{"/var/lib/kubelet/config.yaml", "/etc/kubernetes/kubelet.conf", "/etc/kubernetes/kubelet/config.json", "/etc/kubernetes/kubelet/kubelet-config.json"}
}

// readKubelet reads what the kubelet goes by, and returns its flags beside.
func readKubelet(r *root, p *Profile, home place) map[string]string {
	flags := readKubeletFlags(r, home)
	config := kubeletConfig{}
	readKubeletConfig(r, kubeletConfigFile(r, flags), &config)
	for _, name := range r.glob(flags["config-dir"], "*.conf") {
		readKubeletConfig(r, name, &config)
	}
	p.Kubelet = Kubelet{
		RegistryPullQPS: config.RegistryPullQPS, RegistryBurst: config.RegistryBurst,
		SerializePulls: config.SerializeImagePulls, MaxParallelPulls: config.MaxParallel,
		VerificationOf: config.Verification, PreloadedImages: config.Preloaded,
		ProvidersConfig:   cmp.Or(flags["image-credential-provider-config"], config.ProviderConfig, r.ifThere(home.providers)),
		ProvidersPrograms: cmp.Or(flags["image-credential-provider-bin-dir"], config.ProviderBin),
	}
	p.Kubelet.RegistryPullQPS = numberOr(flags["registry-qps"], p.Kubelet.RegistryPullQPS)
	p.Kubelet.RegistryBurst = numberOr(flags["registry-burst"], p.Kubelet.RegistryBurst)
	if serial, err := strconv.ParseBool(flags["serialize-image-pulls"]); err == nil {
		p.Kubelet.SerializePulls = &serial
	}
	p.Kubelet.Providers = readProviders(r, p.Kubelet.ProvidersConfig)
	if flags["container-runtime-endpoint"] == "" {
		flags["container-runtime-endpoint"] = config.ContainerRuntimePath
	}
	return flags
}

// numberOr is a flag's number, or another where there is no flag.
func numberOr(flag string, other *int32) *int32 {
	number, err := strconv.ParseInt(flag, 10, 32)
	if err != nil {
		return other
	}
	set := int32(number)
	return &set
}

// ifThere is a file's name, empty where there is no such file.
func (r *root) ifThere(name string) string {
	if name == "" || !r.exists(name) {
		return ""
	}
	return name
}

// kubeletConfigFile is the file of the flag, else the first of the usual ones.
func kubeletConfigFile(r *root, flags map[string]string) string {
	if flags["config"] != "" {
		return flags["config"]
	}
	_, usual := kubeletFiles()
	for _, name := range usual {
		if r.exists(name) {
			return name
		}
	}
	return ""
}

// readKubeletConfig reads a file over what was read before.
func readKubeletConfig(r *root, name string, config *kubeletConfig) {
	if name == "" {
		return
	}
	if data := r.read(name); data != nil && yaml.Unmarshal(data, config) != nil {
		r.problem(name, "is no kubelet configuration")
	}
}

// readKubeletFlags returns the flags of the kubelet's that bear on pulls.
func readKubeletFlags(r *root, home place) map[string]string {
	flags := map[string]string{}
	arguments, _ := kubeletFiles()
	texts := unitTexts(r, kubeletUnits())
	if home.settings != "" {
		return readOwnFlags(r, home, texts)
	}
	for _, name := range arguments {
		texts = append(texts, r.lines(name))
	}
	for _, text := range texts {
		readFlags(text, flags)
	}
	return flags
}

// readFlags finds --name=value and --name value in a text.
func readFlags(text string, flags map[string]string) {
	words := strings.FieldsFunc(text, func(c rune) bool { return strings.ContainsRune(" \t\n\r\"'\\", c) })
	for i, word := range words {
		word, given := cutAny(word, "--kubelet-arg=", "--kubelet-extra-args=--", "--")
		if !given && (i == 0 || words[i-1] != "--kubelet-arg") {
			continue
		}
		name, value, with := strings.Cut(word, "=")
		if !with && i+1 < len(words) && !strings.HasPrefix(words[i+1], "-") {
			value = words[i+1]
		}
		if slices.Contains(kubeletFlags(), name) || slices.Contains(ownFlags(), name) {
			flags[name] = expanded(value)
		}
	}
}

// cutAny takes the first of some prefixes off that a word has.
func cutAny(word string, prefixes ...string) (rest string, found bool) {
	for _, prefix := range prefixes {
		if rest, found = strings.CutPrefix(word, prefix); found {
			return rest, true
		}
	}
	return word, false
}
