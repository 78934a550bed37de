package scenario

import "github.com/pullgate/pullgate/test/pulloracle/content"

// sound is content that nodes take.
func sound() []Scenario {
	return []Scenario{
		{Name: "sound-docker", About: "an image in Docker's format", Holds: content.Image{Docker: true}},
	}
}
