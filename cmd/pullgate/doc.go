// Command pullgate refuses, at kubectl apply, images that no node could pull.
package main
