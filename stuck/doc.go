// Package stuck knows Pods that cannot get an image, by what the kubelet says of
// them, and what they hold meanwhile.
package stuck
