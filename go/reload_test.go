package cidrgate

import (
	"math/big"
	"os"
	"runtime"
	"strconv"
	"testing"
)

// Reloads leave memory flat. CIDRGATE_RELOADS says how many; `make check-deep` asks for 10,000.
func TestReloadsLeaveMemoryFlat(t *testing.T) {
	reloads, err := strconv.Atoi(os.Getenv("CIDRGATE_RELOADS"))
	if err != nil {
		reloads = 500
	}
	large := painting{rules: []rule{{true, 1, "in"}}, lines: [2]segments{{owners: []int{-1}}, {owners: []int{-1}}}}
	for i := range int64(2000) {
		large.lines[0].edges = append(large.lines[0].edges, big.NewInt(1+i*1000))
		large.lines[0].owners = append(large.lines[0].owners, -1-large.lines[0].owners[i])
	}
	images := [][]byte{large.image(), examplePainting().image(), large.verdictsOnly(), examplePainting().image()[:700]}
	gate := NewGate(nil)
	used := func() uint64 {
		runtime.GC()
		var stats runtime.MemStats
		runtime.ReadMemStats(&stats)
		return stats.HeapAlloc
	}
	run := func(times int) {
		for i := range times {
			if policy, err := Load(images[i%4]); err == nil {
				if _, err := gate.Replace(policy); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	run(20)
	before := used()
	run(reloads / 4 * 4)
	if after := used(); after > before+256<<10 {
		t.Errorf("%d bytes before, %d after %d reloads", before, after, reloads)
	}
}
