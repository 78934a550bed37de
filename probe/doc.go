// Package probe is what doctor and the webhook have in common: the label by which
// a dry run asks whether it comes by, and the answer to it. The answer changes
// nothing of what is decided, and only who asked hears it.
package probe
