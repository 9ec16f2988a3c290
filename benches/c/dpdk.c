/* DPDK's tables as peers: a shared object that `make bench` builds where libdpdk is and benches/src/peers/dpdk.rs opens.
 * The loops are here, so that what DPDK has inline is inline. They are those of benches/src/peer.rs. */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_byteorder.h>
#include <rte_eal.h>
#include <rte_fib.h>
#include <rte_fib6.h>
#include <rte_lpm.h>
#include <rte_lpm6.h>
#include <rte_malloc.h>

enum kind { LPM, FIB, FIB_512, LPM6, FIB6, FIB6_512 };
enum how { TP, LAT, BR, BATCH };
enum { CHUNK = 256 };

struct table {
	enum kind kind;
	void *of;
	size_t bytes;
};

/* Network and length, as Rust writes it. */
struct network {
	uint8_t octets[16];
	uint8_t len;
};

static size_t in_use(void)
{
	struct rte_malloc_socket_stats stats;
	return rte_malloc_get_socket_stats(0, &stats) == 0 ? stats.heap_allocsz_bytes : 0;
}

/* No huge pages, no devices, no configuration outside the process, and not tied to one core. */
int dpdk_init(void)
{
	static char *args[] = { "bench", "--no-huge", "--in-memory", "--no-pci", "--no-telemetry", "-m", "8192",
		"--lcores=0@(0-1)", "--force-max-simd-bitwidth=512", "--log-level=*:error", NULL };
	return rte_eal_init(sizeof args / sizeof *args - 1, args);
}

static uint32_t word(const uint8_t octets[4])
{
	uint32_t word;
	memcpy(&word, octets, 4);
	return rte_be_to_cpu_32(word);
}

static void *make(enum kind kind, const char *name, int networks, uint32_t parts)
{
	struct rte_lpm_config lpm = { .max_rules = networks, .number_tbl8s = parts };
	struct rte_lpm6_config lpm6 = { .max_rules = networks, .number_tbl8s = parts };
	/* An entry holds the number of a part and one bit more. */
	struct rte_fib_conf fib = { .type = RTE_FIB_DIR24_8, .default_nh = 0, .max_routes = networks,
		.dir24_8 = { .nh_sz = parts < 127 ? RTE_FIB_DIR24_8_1B : parts < 32767 ? RTE_FIB_DIR24_8_2B : RTE_FIB_DIR24_8_4B,
			.num_tbl8 = parts } };
	struct rte_fib6_conf fib6 = { .type = RTE_FIB6_TRIE, .default_nh = 0, .max_routes = networks,
		.trie = { .nh_sz = parts < 32767 ? RTE_FIB6_TRIE_2B : RTE_FIB6_TRIE_4B, .num_tbl8 = parts } };
	switch (kind) {
	case LPM: return rte_lpm_create(name, 0, &lpm);
	case LPM6: return rte_lpm6_create(name, 0, &lpm6);
	case FIB: case FIB_512: return rte_fib_create(name, 0, &fib);
	case FIB6: case FIB6_512: return rte_fib6_create(name, 0, &fib6);
	}
	return NULL;
}

static int add(struct table *table, const struct network *network)
{
	switch (table->kind) {
	case LPM: return rte_lpm_add(table->of, word(network->octets), network->len, 1);
	case LPM6: return rte_lpm6_add(table->of, network->octets, network->len, 1);
	case FIB: case FIB_512: return rte_fib_add(table->of, word(network->octets), network->len, 1);
	case FIB6: case FIB6_512: return rte_fib6_add(table->of, network->octets, network->len, 1);
	}
	return -1;
}

static int choose(struct table *table)
{
	switch (table->kind) {
	case FIB: return rte_fib_select_lookup(table->of, RTE_FIB_LOOKUP_DIR24_8_SCALAR_MACRO);
	case FIB_512: return rte_fib_select_lookup(table->of, RTE_FIB_LOOKUP_DIR24_8_VECTOR_AVX512);
	case FIB6: return rte_fib6_select_lookup(table->of, RTE_FIB6_LOOKUP_TRIE_SCALAR);
	case FIB6_512: return rte_fib6_select_lookup(table->of, RTE_FIB6_LOOKUP_TRIE_VECTOR_AVX512);
	default: return 0;
	}
}

void dpdk_free(struct table *table)
{
	switch (table->of ? (int)table->kind : -1) {
	case LPM: rte_lpm_free(table->of); break;
	case LPM6: rte_lpm6_free(table->of); break;
	case FIB: case FIB_512: rte_fib_free(table->of); break;
	case FIB6: case FIB6_512: rte_fib6_free(table->of); break;
	}
	free(table);
}

/* parts: how many tables of 256 entries the networks need beyond the first 24 bits. NULL if it cannot be made. */
struct table *dpdk_new(uint32_t kind, const struct network *networks, size_t count, uint32_t parts)
{
	static unsigned number;
	char name[24];
	snprintf(name, sizeof name, "peer%u", number++);
	struct table *table = calloc(1, sizeof *table);
	if (!table)
		return NULL;
	table->kind = kind;
	size_t before = in_use();
	/* Room to spare: adding a longer network may need a part before a shorter one lets go of it. */
	table->of = make(kind, name, count + 1, parts + 8);
	for (size_t i = 0; table->of && i < count; i++)
		if (add(table, &networks[i]) != 0) {
			dpdk_free(table);
			return NULL;
		}
	if (!table->of || choose(table) != 0) {
		dpdk_free(table);
		return NULL;
	}
	table->bytes = in_use() - before;
	return table;
}

size_t dpdk_bytes(const struct table *table)
{
	return table->bytes;
}

static inline bool one4(enum kind kind, void *of, uint32_t addr)
{
	uint64_t hop64 = 0;
	uint32_t hop;
	if (kind == LPM)
		return rte_lpm_lookup(of, addr, &hop) == 0;
	rte_fib_lookup_bulk(of, &addr, &hop64, 1);
	return hop64 != 0;
}

static inline bool one6(enum kind kind, void *of, uint8_t addr[16])
{
	uint64_t hop64 = 0;
	uint32_t hop;
	if (kind == LPM6)
		return rte_lpm6_lookup(of, addr, &hop) == 0;
	rte_fib6_lookup_bulk(of, (uint8_t(*)[16])addr, &hop64, 1);
	return hop64 != 0;
}

/* The answers for up to CHUNK addresses. */
static void chunk4(enum kind kind, void *of, const uint8_t *octets, unsigned count, uint8_t *allowed)
{
	uint32_t addrs[CHUNK], hops[CHUNK];
	uint64_t hops64[CHUNK];
	for (unsigned i = 0; i < count; i++)
		addrs[i] = word(octets + 4 * i);
	if (kind == LPM) {
		rte_lpm_lookup_bulk(of, addrs, hops, count);
		for (unsigned i = 0; i < count; i++)
			allowed[i] = (hops[i] & RTE_LPM_LOOKUP_SUCCESS) != 0;
	} else {
		rte_fib_lookup_bulk(of, addrs, hops64, count);
		for (unsigned i = 0; i < count; i++)
			allowed[i] = hops64[i] != 0;
	}
}

static void chunk6(enum kind kind, void *of, const uint8_t *octets, unsigned count, uint8_t *allowed)
{
	int32_t hops[CHUNK];
	uint64_t hops64[CHUNK];
	uint8_t(*addrs)[16] = (uint8_t(*)[16])(uintptr_t)octets;
	if (kind == LPM6) {
		rte_lpm6_lookup_bulk_func(of, addrs, hops, count);
		for (unsigned i = 0; i < count; i++)
			allowed[i] = hops[i] >= 0;
	} else {
		rte_fib6_lookup_bulk(of, addrs, hops64, count);
		for (unsigned i = 0; i < count; i++)
			allowed[i] = hops64[i] != 0;
	}
}

static uint32_t opaque(uint32_t value)
{
	__asm__ volatile("" : "+r"(value));
	return value;
}

static inline size_t loop4(enum kind kind, void *of, enum how how, const uint8_t *octets, size_t count)
{
	uint32_t zero = opaque(0), last = 0;
	size_t sum = 0;
	for (size_t i = 0; i < count; i++) {
		uint32_t addr = word(octets + 4 * i);
		if (how == BR) {
			if (one4(kind, of, addr ^ last)) {
				sum += opaque(1);
				last = zero;
			} else {
				last = zero & addr;
			}
		} else {
			bool allowed = one4(kind, of, how == LAT ? addr ^ (last & zero) : addr);
			last = allowed;
			sum += allowed;
		}
	}
	return sum;
}

static inline size_t loop6(enum kind kind, void *of, enum how how, const uint8_t *octets, size_t count)
{
	uint8_t zero = opaque(0), last = 0;
	size_t sum = 0;
	for (size_t i = 0; i < count; i++) {
		uint8_t addr[16];
		memcpy(addr, octets + 16 * i, 16);
		if (how == BR) {
			addr[15] ^= last;
			if (one6(kind, of, addr)) {
				sum += opaque(1);
				last = zero;
			} else {
				last = zero & addr[15];
			}
		} else {
			if (how == LAT)
				addr[15] ^= last & zero;
			bool allowed = one6(kind, of, addr);
			last = allowed;
			sum += allowed;
		}
	}
	return sum;
}

static inline size_t each4(enum kind kind, void *of, enum how how, const uint8_t *octets, size_t count)
{
	switch (how) {
	case TP: return loop4(kind, of, TP, octets, count);
	case LAT: return loop4(kind, of, LAT, octets, count);
	default: return loop4(kind, of, BR, octets, count);
	}
}

static inline size_t each6(enum kind kind, void *of, enum how how, const uint8_t *octets, size_t count)
{
	switch (how) {
	case TP: return loop6(kind, of, TP, octets, count);
	case LAT: return loop6(kind, of, LAT, octets, count);
	default: return loop6(kind, of, BR, octets, count);
	}
}

/* Asks for all addresses. In a batch the answers are written, a chunk over the other, or all where `all` is. */
size_t dpdk_run(const struct table *table, uint32_t how, const uint8_t *octets, size_t count, uint8_t *all)
{
	bool four = table->kind <= FIB_512;
	if (how == BATCH) {
		uint8_t allowed[CHUNK];
		for (size_t at = 0; at < count; at += CHUNK) {
			unsigned some = count - at < CHUNK ? count - at : CHUNK;
			uint8_t *out = all ? all + at : allowed;
			if (four)
				chunk4(table->kind, table->of, octets + 4 * at, some, out);
			else
				chunk6(table->kind, table->of, octets + 16 * at, some, out);
			__asm__ volatile("" : : "r"(out) : "memory");
		}
		return 0;
	}
	switch (table->kind) {
	case LPM: return each4(LPM, table->of, how, octets, count);
	case FIB: case FIB_512: return each4(FIB, table->of, how, octets, count);
	case LPM6: return each6(LPM6, table->of, how, octets, count);
	default: return each6(FIB6, table->of, how, octets, count);
	}
}
