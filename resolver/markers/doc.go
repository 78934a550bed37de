// Package markers is for tests alone: it puts a marker in the place of each kind
// of credential, has registries repeat whatever they are shown, and looks for
// markers in what is written.
package markers
