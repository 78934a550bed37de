// Package nodes tells on which nodes a Pod can land, and what these nodes say
// about an image: the platforms that it must have, the runtime that pulls it,
// and whether it is there already. It is pure, over whatever nodes it is given.
package nodes
