// Package profiles asks registries as nodes of several profiles would, each with
// its own mirrors, CAs and runtime, and says what comes of it for all of them.
package profiles
