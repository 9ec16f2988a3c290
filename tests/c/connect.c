/* connect FROM TO PORT: connects from an address of this machine, and prints what comes back. Exits with 3 if this
 * machine does not have the address. */
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    struct addrinfo hints, *from, *to;
    char answer[64];
    ssize_t len;
    int connection;

    memset(&hints, 0, sizeof hints);
    hints.ai_flags = AI_NUMERICHOST;
    hints.ai_socktype = SOCK_STREAM;
    if (argc != 4 || getaddrinfo(argv[1], NULL, &hints, &from) != 0 || getaddrinfo(argv[2], argv[3], &hints, &to) != 0)
        return 2;
    connection = socket(to->ai_family, SOCK_STREAM, 0);
    if (connection < 0 || bind(connection, from->ai_addr, from->ai_addrlen) != 0)
        return 3;
    if (connect(connection, to->ai_addr, to->ai_addrlen) != 0)
        return 2;
    while ((len = read(connection, answer, sizeof answer)) > 0)
        fwrite(answer, 1, (size_t)len, stdout);
    close(connection);
    freeaddrinfo(from);
    freeaddrinfo(to);
    return 0;
}
