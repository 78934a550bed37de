// Package explain says why a Pod is stuck at an image, or would be: it joins
// what the kubelet said with what the registry says now, and tells what to do.
// Every line says where it comes from. It reads through an interface, and the
// rest of it is pure.
package explain
