// Package answers tells what is answered by registries, and what the libraries
// make of it, apart: what says something about the image from what does not. It
// words what it finds in one line, without secrets.
package answers
