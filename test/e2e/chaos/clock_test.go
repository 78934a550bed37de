//go:build linux

package chaos

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// setClock moves the time of day of a running process, of which the system's own
// clock knows nothing. A Go program asks the kernel's page in its memory, which is
// its own to write: there clock_gettime becomes the system call of this name, and
// seconds are added to what it says of the time of day.
func setClock(pid int, seconds int32) error {
	start, page, err := vdso(pid)
	if err != nil {
		return err
	}
	file, err := elf.NewFile(bytes.NewReader(page))
	if err != nil {
		return fmt.Errorf("read the vDSO: %w", err)
	}
	symbols, err := file.DynamicSymbols()
	if err != nil {
		return fmt.Errorf("read the vDSO: %w", err)
	}
	code := clockGettime(seconds)
	for _, symbol := range symbols {
		if symbol.Name != "__vdso_clock_gettime" {
			continue
		}
		if file.Machine != elf.EM_X86_64 || symbol.Size < uint64(len(code)) {
			return fmt.Errorf("no code for a clock_gettime of %d bytes on %s", symbol.Size, file.Machine)
		}
		return overwrite(pid, start+symbol.Value, symbol.Size, code)
	}
	return errors.New("the vDSO has no clock_gettime")
}

// clockGettime is the machine code, for amd64.
func clockGettime(seconds int32) []byte {
	code := []byte{
		0xb8, 0xe4, 0, 0, 0, // mov eax, 228: clock_gettime
		0x0f, 0x05, // syscall
		0x85, 0xff, // test edi, edi
		0x75, 7, // jnz past the next, unless it is CLOCK_REALTIME
		0x48, 0x81, 0x06, 0, 0, 0, 0, // add qword [rsi], seconds
		0xc3, // ret
	}
	binary.LittleEndian.PutUint32(code[14:], uint32(seconds))
	return code
}

// vdso returns the kernel's page of code in a process.
func vdso(pid int) (start uint64, page []byte, err error) {
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		return 0, nil, err
	}
	for line := range strings.Lines(string(maps)) {
		var end uint64
		if !strings.Contains(line, "[vdso]") {
			continue
		}
		if _, err := fmt.Sscanf(line, "%x-%x", &start, &end); err != nil {
			return 0, nil, fmt.Errorf("read the map %q: %w", line, err)
		}
		memory, err := os.Open(fmt.Sprintf("/proc/%d/mem", pid))
		if err != nil {
			return 0, nil, err
		}
		defer func() { _ = memory.Close() }()
		page = make([]byte, end-start)
		_, err = memory.ReadAt(page, int64(start))
		return start, page, err
	}
	return 0, nil, fmt.Errorf("process %d has no vDSO", pid)
}

// overwrite writes code while the process stands still, and outside of the
// function that is written.
func overwrite(pid int, at, size uint64, code []byte) error {
	memory, err := os.OpenFile(fmt.Sprintf("/proc/%d/mem", pid), os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer func() { _ = memory.Close() }()
	defer func() { _ = syscall.Kill(pid, syscall.SIGCONT) }()
	for {
		if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
			return err
		}
		outside, err := stoodStill(pid, at, at+size)
		if err != nil {
			return err
		}
		if outside {
			_, err = memory.WriteAt(code, int64(at))
			return err
		}
		_ = syscall.Kill(pid, syscall.SIGCONT) // it is stopped again at once, somewhere else
	}
}

// stoodStill waits until every thread has stopped, and tells whether none of them
// is between two addresses.
func stoodStill(pid int, from, to uint64) (bool, error) {
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/syscall", pid))
	if err != nil {
		return false, err
	}
	for _, thread := range threads {
		where := "running"
		for ; where == "running"; time.Sleep(time.Millisecond) {
			text, err := os.ReadFile(thread)
			if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
				text = []byte("gone 0x0")
			} else if err != nil {
				return false, err
			}
			where = strings.TrimSpace(string(text))
		}
		var counter uint64 // the last one, the program counter
		if _, err := fmt.Sscanf(where[strings.LastIndexByte(where, ' ')+1:], "0x%x", &counter); err != nil {
			return false, fmt.Errorf("read where a thread is, %q: %w", where, err)
		}
		if counter >= from && counter < to {
			return false, nil
		}
	}
	return true, nil
}
