// Command bench measures look-ups of package cidrgate beside those of other packages, in one run on the same lists and
// addresses, and prints tables for go/README.md. Every answer of every package is compared.
//
// CIDRGATE_COMMAND names the cidrgate command, which makes the images. CIDRGATE_DATA is the folder of real lists
// (CONTRIBUTING.md); without it the full table is left out. With -smoke everything runs once, on small lists.
package main

import (
	"bufio"
	"compress/gzip"
	"encoding/binary"
	"flag"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"example.com/cidrgate"
	"github.com/gaissmai/bart"
	"github.com/yl2chen/cidranger"
	"go4.org/netipx"
)

const queries = 1 << 16

// A peer is something that answers whether an address is in a list.
type peer struct {
	name  string
	build func([]netip.Prefix) (func(netip.Addr) bool, any)
	// The most networks it is given, where more would take too long.
	most int
}

func peers(command string) []peer {
	return []peer{
		{"cidrgate", func(list []netip.Prefix) (func(netip.Addr) bool, any) {
			policy, err := cidrgate.Load(compile(command, list, false))
			check(err)
			return policy.Allows, policy
		}, 1 << 30},
		{"bart.Lite", func(list []netip.Prefix) (func(netip.Addr) bool, any) {
			table := new(bart.Lite)
			for _, network := range list {
				table.Insert(network)
			}
			return table.Contains, table
		}, 1 << 30},
		{"bart.Table", func(list []netip.Prefix) (func(netip.Addr) bool, any) {
			table := new(bart.Table[struct{}])
			for _, network := range list {
				table.Insert(network, struct{}{})
			}
			return table.Contains, table
		}, 1 << 30},
		{"netipx.IPSet", func(list []netip.Prefix) (func(netip.Addr) bool, any) {
			var builder netipx.IPSetBuilder
			for _, network := range list {
				builder.AddPrefix(network)
			}
			set, err := builder.IPSet()
			check(err)
			return set.Contains, set
		}, 1 << 30},
		{"cidranger", func(list []netip.Prefix) (func(netip.Addr) bool, any) {
			ranger := cidranger.NewPCTrieRanger()
			for _, network := range list {
				check(ranger.Insert(cidranger.NewBasicRangerEntry(*netipx.PrefixIPNet(network))))
			}
			return func(addr netip.Addr) bool {
				in, err := ranger.Contains(net.IP(addr.AsSlice()))
				return err == nil && in
			}, ranger
		}, 1 << 30},
		{"loop", func(list []netip.Prefix) (func(netip.Addr) bool, any) {
			list = slices.Clone(list)
			return func(addr netip.Addr) bool {
				for _, network := range list {
					if network.Contains(addr) {
						return true
					}
				}
				return false
			}, list
		}, 200},
	}
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// compile makes an image of a list, which it allows; or, if each has a line of its own, of a policy with a rule and a
// note for each network.
func compile(command string, list []netip.Prefix, owners bool) []byte {
	folder, err := os.MkdirTemp("", "cidrgate")
	check(err)
	defer os.RemoveAll(folder)
	name, image := filepath.Join(folder, "text"), filepath.Join(folder, "image")
	var text strings.Builder
	args := []string{"compile", "--verdicts-only", "--allow", name, "-o", image}
	if owners {
		args = []string{"compile", name, "-o", image}
		text.WriteString("precedence longest-prefix\n")
	}
	for i, network := range list {
		if owners {
			fmt.Fprintf(&text, "allow %v # owner %d\n", network, i)
		} else {
			fmt.Fprintln(&text, network)
		}
	}
	check(os.WriteFile(name, []byte(text.String()), 0o600))
	run := exec.Command(command, args...)
	run.Stderr = os.Stderr
	check(run.Run())
	made, err := os.ReadFile(image)
	check(err)
	return made
}

// loading tells how long images take to load, and what is kept of them.
func loading(command string, networks []netip.Prefix, runs int) {
	fmt.Printf("\nLoading:\n\n| image | networks | bytes | to load, ms | bytes kept |\n| --- | --- | --- | --- | --- |\n")
	for _, owners := range []bool{false, true} {
		name := "verdicts only"
		if owners {
			name = "a rule and a note each"
		}
		image := compile(command, networks, owners)
		before := heap()
		policy, err := cidrgate.Load(image)
		check(err)
		kept := heap() - before
		var times []float64
		for range runs {
			start := time.Now()
			_, err := cidrgate.Load(image)
			check(err)
			times = append(times, time.Since(start).Seconds()*1e3)
		}
		slices.Sort(times)
		runtime.KeepAlive(policy)
		fmt.Printf("| %s | %d | %d | %.1f (%.1f) | %d |\n", name, len(networks), len(image), times[len(times)/2], times[0], kept)
	}
}

type list struct {
	name     string
	v6       bool
	networks []netip.Prefix
}

func anywhere(r *rand.Rand, v6 bool) netip.Addr {
	var octets [16]byte
	binary.BigEndian.PutUint64(octets[:], r.Uint64())
	binary.BigEndian.PutUint64(octets[8:], r.Uint64())
	if v6 {
		return netip.AddrFrom16(octets)
	}
	return netip.AddrFrom4([4]byte(octets[:4]))
}

// global is an address where IPv6 is given out, 2000::/3; of IPv4, anywhere.
func global(r *rand.Rand, v6 bool) netip.Addr {
	addr := anywhere(r, v6)
	if v6 {
		octets := addr.As16()
		octets[0] = octets[0]&0x1f | 0x20
		addr = netip.AddrFrom16(octets)
	}
	return addr
}

// inside is a random address of a network.
func inside(r *rand.Rand, network netip.Prefix) netip.Addr {
	octets, noise := network.Addr().AsSlice(), anywhere(r, network.Addr().Is6()).AsSlice()
	for i := range octets {
		mask := byte(0xff >> min(max(network.Bits()-8*i, 0), 8))
		octets[i] = octets[i]&^mask | noise[i]&mask
	}
	addr, _ := netip.AddrFromSlice(octets)
	return addr
}

// networks are random: IPv4 of /16 to /32, IPv6 of /32 to /64, as in benches/.
func networks(r *rand.Rand, v6 bool, count, shortest, longest int) []netip.Prefix {
	all := make([]netip.Prefix, count)
	for i := range all {
		all[i] = netip.PrefixFrom(global(r, v6), shortest+r.IntN(longest-shortest+1)).Masked()
	}
	return all
}

// table reads the full routing table, if it is there.
func table() (v4, v6 []netip.Prefix) {
	folder := os.Getenv("CIDRGATE_DATA")
	file, err := os.Open(filepath.Join(folder, "bgp/full-table-v4-v6.prefixes.txt.gz"))
	if folder == "" || err != nil {
		fmt.Fprintln(os.Stderr, "LEFT OUT: real lists")
		return nil, nil
	}
	defer file.Close()
	plain, err := gzip.NewReader(file)
	check(err)
	for lines := bufio.NewScanner(plain); lines.Scan(); {
		network, err := netip.ParsePrefix(lines.Text())
		switch {
		case err != nil:
		case network.Addr().Is4():
			v4 = append(v4, network)
		default:
			v6 = append(v6, network)
		}
	}
	return v4, v6
}

func lists(r *rand.Rand, smoke bool) (all []list) {
	sizes := []int{20, 200, 10_000}
	if smoke {
		sizes = sizes[:2]
	}
	v4, v6 := []netip.Prefix(nil), []netip.Prefix(nil)
	if !smoke {
		v4, v6 = table()
	}
	for _, family := range []bool{false, true} {
		name, shortest, longest, full := "IPv4", 16, 32, v4
		if family {
			name, shortest, longest, full = "IPv6", 32, 64, v6
		}
		for _, size := range sizes {
			all = append(all, list{fmt.Sprintf("%s %d", name, size), family, networks(r, family, size, shortest, longest)})
		}
		if full != nil {
			all = append(all, list{name + " full table", family, full})
		}
		if !family && !smoke {
			all = append(all, list{name + " 1000000 hosts", family, networks(r, family, 1_000_000, 32, 32)})
		}
	}
	return all
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

func main() {
	smoke := flag.Bool("smoke", false, "run everything once, on small lists")
	runs := flag.Int("runs", 25, "runs a cell")
	only := flag.String("only", "", "only lists whose name begins so, and no loading")
	flag.Parse()
	if *smoke {
		*runs = 1
	}
	command := os.Getenv("CIDRGATE_COMMAND")
	if command == "" {
		check(fmt.Errorf("CIDRGATE_COMMAND does not name the cidrgate command"))
	}
	peers := peers(command)
	var names []string
	for _, peer := range peers {
		names = append(names, peer.name)
	}
	fmt.Printf("%s, %s/%s; ns a look-up, median (fastest) of %d runs of %d addresses\n\n", runtime.Version(), runtime.GOOS, runtime.GOARCH, *runs, queries)
	fmt.Printf("| networks | addresses | %s | bart.Lite / cidrgate |\n", strings.Join(names, " | "))
	fmt.Printf("| --- | --- |%s --- |\n", strings.Repeat(" --- |", len(names)))
	r := rand.New(rand.NewPCG(1, 2))
	var memory []string
	wrong := 0
	for _, list := range lists(r, *smoke) {
		if !strings.HasPrefix(list.name, *only) {
			continue
		}
		var contains []func(netip.Addr) bool
		row := "| " + list.name
		var kept []any
		var bytes []uint64
		for i, peer := range peers {
			if i == 0 { // what starting a process leaves on the heap is not the policy's
				peer.build(list.networks[:1])
			}
			if len(list.networks) > peer.most {
				contains, bytes, row = append(contains, nil), append(bytes, 0), row+" | "
				continue
			}
			before := heap()
			answer, keep := peer.build(list.networks)
			kept = append(kept, keep)
			contains, bytes = append(contains, answer), append(bytes, heap()-before)
			row += fmt.Sprintf(" | %d", bytes[len(bytes)-1])
		}
		memory = append(memory, fmt.Sprintf("%s | %.1f |", row, float64(bytes[1])/float64(bytes[0])))
		for _, kind := range []string{"random", "global", "hits", "mixed"} {
			if kind == "global" && !list.v6 {
				continue // the same as random
			}
			addrs := make([]netip.Addr, queries)
			for i := range addrs {
				switch {
				case kind == "random":
					addrs[i] = anywhere(r, list.v6)
				case kind == "global" || kind == "mixed" && r.IntN(2) == 0:
					addrs[i] = global(r, list.v6)
				default:
					addrs[i] = inside(r, list.networks[r.IntN(len(list.networks))])
				}
			}
			wrong += compare(contains, addrs)
			times := measure(contains, addrs, *runs)
			fmt.Printf("| %s | %s |", list.name, kind)
			for _, times := range times {
				if times == nil {
					fmt.Print("  |")
				} else {
					fmt.Printf(" %.1f (%.1f) |", times[len(times)/2], times[0])
				}
			}
			median := func(i int) float64 { return times[i][len(times[i])/2] }
			fmt.Printf(" %.2f (%.2f) |\n", median(1)/median(0), times[1][0]/times[0][0])
		}
		runtime.KeepAlive(kept)
	}
	fmt.Printf("\nWrong answers: %d\n\nBytes:\n\n| networks | %s | bart.Lite / cidrgate |\n| --- |%s --- |\n%s\n", wrong,
		strings.Join(names, " | "), strings.Repeat(" --- |", len(names)), strings.Join(memory, "\n"))
	if !*smoke && *only == "" {
		if v4, v6 := table(); len(v4) > 0 {
			loading(command, slices.Concat(v4, v6), *runs)
		}
	}
	if wrong > 0 {
		os.Exit(1)
	}
}

// compare counts the addresses about which not all agree.
func compare(contains []func(netip.Addr) bool, addrs []netip.Addr) (wrong int) {
	for _, addr := range addrs {
		for _, other := range contains[1:] {
			if other != nil && other(addr) != contains[0](addr) {
				wrong++
				break
			}
		}
	}
	return wrong
}

func pass(contains func(netip.Addr) bool, addrs []netip.Addr) {
	in := 0
	for _, addr := range addrs {
		if contains(addr) {
			in++
		}
	}
	runtime.KeepAlive(in)
}

// measure times all, one run of each after the other, so that what else the machine does is the same for all. Each is
// called through the same kind of function value.
func measure(contains []func(netip.Addr) bool, addrs []netip.Addr, runs int) [][]float64 {
	times := make([][]float64, len(contains))
	for range runs {
		for i, contains := range contains {
			if contains == nil {
				continue
			}
			// The first pass brings back what the others have driven out of caches and predictors.
			pass(contains, addrs)
			start := time.Now()
			pass(contains, addrs)
			times[i] = append(times[i], float64(time.Since(start).Nanoseconds())/float64(len(addrs)))
		}
	}
	for i := range times {
		slices.Sort(times[i])
	}
	return times
}
