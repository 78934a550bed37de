// Package cloud logs in to the registries of clouds by the identity that the
// environment gives us, as the kubelet's credential providers of those clouds
// do by that of the node. It writes nothing to disk and logs nothing.
//
// It asks the clouds' own libraries, not go-containerregistry's keychains: to
// those a failure is the same as having no credential, where to us the one is
// unknown and the other a refusal. Nor do they keep to a deadline, or tell for
// how long a credential holds.
package cloud
