// Package imminence knows from what Pods run when an image that cannot be pulled
// will hurt, and whether a tag has moved since.
package imminence
