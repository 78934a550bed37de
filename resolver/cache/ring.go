package cache

import (
	"math"
	"time"
)

// forever is when what stays until there is no room expires.
const forever time.Duration = math.MaxInt64

// block is how many entries are made room for at a time.
const block = 64

// entry is what is kept for one key.
type entry[K comparable, V any] struct {
	key   K
	value V
	until time.Duration // since the cache began
	bytes int64
	// newer and older are the places of what was used after it and before; of
	// the first place, which stands for none, they are the oldest and the newest.
	newer, older int32
}

// ring has entries in the order in which they were used. They lie in blocks and
// know each other by their place, which takes less than pointers, and is nothing
// that the garbage collector follows. The zero value is ready.
type ring[K comparable, V any] struct {
	blocks []*[block]entry[K, V]
	size   int32 // places that were ever used, the first included
	free   int32 // one that is free, linked by older; 0: none
}

// at is the entry at a place, until it is removed.
func (r *ring[K, V]) at(place int32) *entry[K, V] { return &r.blocks[place/block][place%block] }

// oldest is the place of what was used least lately; 0: there is none.
func (r *ring[K, V]) oldest() int32 { return r.at(0).newer }

// add takes an entry, as the newest.
func (r *ring[K, V]) add(fresh entry[K, V]) int32 {
	place := r.room()
	*r.at(place) = fresh
	r.link(place)
	return place
}

// room returns a place that is free.
func (r *ring[K, V]) room() int32 {
	if place := r.free; place != 0 {
		r.free = r.at(place).older
		return place
	}
	r.size = max(r.size, 1) // the first place stands for none
	if int(r.size/block) >= len(r.blocks) {
		r.blocks = append(r.blocks, new([block]entry[K, V]))
	}
	r.size++
	return r.size - 1
}

// remove empties a place.
func (r *ring[K, V]) remove(place int32) {
	r.unlink(place)
	*r.at(place) = entry[K, V]{older: r.free}
	r.free = place
}

// use makes an entry the newest.
func (r *ring[K, V]) use(place int32) {
	r.unlink(place)
	r.link(place)
}

func (r *ring[K, V]) link(place int32) {
	none, linked := r.at(0), r.at(place)
	linked.newer, linked.older = 0, none.older
	r.at(none.older).newer = place
	none.older = place
}

func (r *ring[K, V]) unlink(place int32) {
	gone := r.at(place)
	r.at(gone.newer).older, r.at(gone.older).newer = gone.older, gone.newer
}
