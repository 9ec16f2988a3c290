/* gate_server POLICY ADDRESS PORT: says "welcome" to those whom the policy allows, and closes the connection of others
 * before a byte is read.
 *
 * ADDRESS is where it listens: 0.0.0.0 for IPv4, ::1 and the like for IPv6, :: for both at once. On such a dual-stack
 * socket an IPv4 client has an address like ::ffff:192.0.2.1, which is that IPv4 address to the policy. PORT 0 takes a
 * free one.
 */
#include <cidrgate.h>
#include <cidrgate_sockaddr.h>

#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static cidrgate_policy *read_policy(const char *path)
{
    static char text[1 << 20];
    FILE *file = fopen(path, "rb");
    size_t len = file != NULL ? fread(text, 1, sizeof text, file) : 0;
    cidrgate_policy *policy = NULL;
    cidrgate_error *error;

    if (file == NULL || !feof(file)) {
        fprintf(stderr, "gate_server: %s cannot be read, or is larger than 1 MiB\n", path);
    } else if (cidrgate_policy_parse(text, len, 0, &policy, &error) != CIDRGATE_OK) {
        fprintf(stderr, "gate_server: %s: %s\n", path, cidrgate_error_text(error));
        cidrgate_error_free(error);
    }
    if (file != NULL)
        fclose(file);
    return policy;
}

/* Listens and says where. -1 if that is not possible. */
static int listen_at(const char *address, const char *port)
{
    struct addrinfo hints, *at;
    struct sockaddr_storage here;
    socklen_t len = sizeof here;
    char name[128], service[16];
    int server, on = 1, off = 0;

    memset(&hints, 0, sizeof hints);
    hints.ai_flags = AI_NUMERICHOST | AI_PASSIVE;
    hints.ai_socktype = SOCK_STREAM;
    if (getaddrinfo(address, port, &hints, &at) != 0)
        return -1;
    server = socket(at->ai_family, at->ai_socktype, at->ai_protocol);
    if (server >= 0) {
        setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        if (at->ai_family == AF_INET6)
            setsockopt(server, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
        if (bind(server, at->ai_addr, at->ai_addrlen) != 0 || listen(server, 64) != 0 ||
            getsockname(server, (struct sockaddr *)&here, &len) != 0 ||
            getnameinfo((struct sockaddr *)&here, len, name, sizeof name, service, sizeof service,
                        NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
            close(server);
            server = -1;
        } else {
            printf("listening at %s port %s\n", name, service);
        }
    }
    freeaddrinfo(at);
    return server;
}

/* Whether the peer may come in; says of each who it is, and of those denied why. */
static bool admit(const cidrgate_policy *policy, const struct sockaddr *peer, socklen_t len)
{
    char name[128] = "?";
    cidrgate_decision decision;

    getnameinfo(peer, len, name, sizeof name, NULL, 0, NI_NUMERICHOST);
    if (cidrgate_policy_decide_sockaddr(policy, peer, len, &decision) == CIDRGATE_OK && decision.action == 1) {
        printf("%s allowed\n", name);
        return true;
    }
    if (decision.rule == UINT32_MAX) {
        printf("%s denied: no rule allows it\n", name);
    } else {
        const char *note = cidrgate_policy_rule_note(policy, decision.rule);
        printf("%s denied by line %u: %s\n", name, (unsigned)decision.line, note != NULL ? note : "no note");
    }
    return false;
}

int main(int argc, char **argv)
{
    static const char welcome[] = "welcome\n";
    cidrgate_policy *policy = argc == 4 ? read_policy(argv[1]) : NULL;
    int server;

    /* Each line at once, also into a file. */
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (policy == NULL)
        return fprintf(stderr, "usage: gate_server POLICY ADDRESS PORT\n"), 2;
    server = listen_at(argv[2], argv[3]);
    if (server < 0)
        return perror("gate_server: cannot listen"), 2;
    for (;;) {
        struct sockaddr_storage peer;
        socklen_t len = sizeof peer;
        int client = accept(server, (struct sockaddr *)&peer, &len);

        if (client < 0) {
            /* Such as too many open files: it may pass. */
            perror("gate_server: accept");
            sleep(1);
            continue;
        }
        if (admit(policy, (const struct sockaddr *)&peer, len) && write(client, welcome, sizeof welcome - 1) < 0)
            perror("gate_server: write");
        close(client);
    }
}
