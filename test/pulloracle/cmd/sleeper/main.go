// Command sleeper is what runs in the containers of Pods whose images were
// pulled: it does nothing until it is told to end; with the argument once it ends
// by itself.
package main

import (
	"os"
	"os/signal"
	"syscall"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == "once" {
		return
	}
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGTERM)
	<-end
}
