// Package advice is what explain and doctor tell people to do: commands, marked by
// what they do, and texts that can be shown on a terminal.
package advice
