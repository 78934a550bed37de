// Package wiring makes engines of configurations. It is the one place where
// resolver, keyring and registry client are put together, for every command;
// what is wired by half fails here, before anything is asked.
package wiring
