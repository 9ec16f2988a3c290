/* cidrgate_sockaddr.h - cidrgate.h for socket addresses.
 *
 * The C compiler knows the layout of a sockaddr on this platform, so these few lines are C. They need the headers of
 * the socket interface, which are included here.
 *
 * An address of another family, one that is shorter than its family's, and NULL are denied.
 */
#ifndef CIDRGATE_SOCKADDR_H
#define CIDRGATE_SOCKADDR_H

#include <string.h>

#if defined(_WIN32)
#  include <winsock2.h>
#  include <ws2tcpip.h>
#else
#  include <netinet/in.h>
#  include <sys/socket.h>
#endif

#include "cidrgate.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The 16 octets of a socket address: IPv4 as ::ffff:a.b.c.d, which is also what a dual-stack socket delivers. false, and
 * zeros, for what is neither IPv4 nor IPv6. `len` is the length that accept() or recvfrom() gave. */
static inline bool cidrgate_sockaddr_octets(const struct sockaddr *addr, size_t len, uint8_t octets[16])
{
    struct sockaddr any;
    memset(octets, 0, 16);
    if (addr == NULL || len < offsetof(struct sockaddr, sa_family) + sizeof any.sa_family)
        return false;
    /* Copied, here and below, since the bytes need not be aligned for the type. */
    memcpy(&any.sa_family, (const char *)addr + offsetof(struct sockaddr, sa_family), sizeof any.sa_family);
    switch (any.sa_family) {
    case AF_INET: {
        struct sockaddr_in v4;
        if (len < sizeof v4)
            return false;
        memcpy(&v4, addr, sizeof v4);
        octets[10] = octets[11] = 0xff;
        memcpy(octets + 12, &v4.sin_addr, 4);
        return true;
    }
    case AF_INET6: {
        struct sockaddr_in6 v6;
        if (len < sizeof v6)
            return false;
        memcpy(&v6, addr, sizeof v6);
        memcpy(octets, &v6.sin6_addr, 16);
        return true;
    }
    default:
        return false;
    }
}

/* Whether the peer at this address may come in. false for NULL and for other families. */
static inline bool cidrgate_policy_allows_sockaddr(const cidrgate_policy *policy, const struct sockaddr *addr,
                                                   size_t len)
{
    uint8_t octets[16];
    return cidrgate_sockaddr_octets(addr, len, octets) && cidrgate_policy_allows_v6(policy, octets);
}

/* The answer for the peer at this address with its reason; denies, and CIDRGATE_ERR_NULL, for NULL and for other
 * families. */
CIDRGATE_NODISCARD
static inline cidrgate_status cidrgate_policy_decide_sockaddr(const cidrgate_policy *policy,
                                                              const struct sockaddr *addr, size_t len,
                                                              cidrgate_decision *decision)
{
    uint8_t octets[16];
    bool known = cidrgate_sockaddr_octets(addr, len, octets);
    return cidrgate_policy_decide(known ? policy : NULL, octets, decision);
}

/* The same, asked of a gate. */
static inline bool cidrgate_gate_allows_sockaddr(const cidrgate_gate *gate, const struct sockaddr *addr, size_t len)
{
    uint8_t octets[16];
    return cidrgate_sockaddr_octets(addr, len, octets) && cidrgate_gate_allows_v6(gate, octets);
}

CIDRGATE_NODISCARD
static inline cidrgate_status cidrgate_gate_decide_sockaddr(const cidrgate_gate *gate, const struct sockaddr *addr,
                                                            size_t len, cidrgate_decision *decision)
{
    uint8_t octets[16];
    bool known = cidrgate_sockaddr_octets(addr, len, octets);
    return cidrgate_gate_decide(known ? gate : NULL, octets, decision);
}

/* Whether the address in network order may come in. */
static inline bool cidrgate_policy_allows_in_addr(const cidrgate_policy *policy, struct in_addr addr)
{
    uint8_t octets[4];
    memcpy(octets, &addr, sizeof octets);
    return cidrgate_policy_allows_v4(policy, octets);
}

/* The same of an IPv6 address; an IPv4-mapped one is the IPv4 address. */
static inline bool cidrgate_policy_allows_in6_addr(const cidrgate_policy *policy, struct in6_addr addr)
{
    uint8_t octets[16];
    memcpy(octets, &addr, sizeof octets);
    return cidrgate_policy_allows_v6(policy, octets);
}

#ifdef __cplusplus
}
#endif

#endif /* CIDRGATE_SOCKADDR_H */
