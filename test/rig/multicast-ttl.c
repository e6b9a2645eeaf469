/* How far a datagram may go: prints the TTL of the first one that comes to GROUP PORT on loopback. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

int main(int argc, char **argv) {
  int on = 1, ttl;
  char bytes[2048], control[256];
  struct iovec place = {bytes, sizeof bytes};
  struct msghdr message = {.msg_iov = &place, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  struct sockaddr_in address = {.sin_family = AF_INET};
  struct ip_mreq membership = {.imr_interface.s_addr = htonl(INADDR_LOOPBACK)};
  int s = socket(AF_INET, SOCK_DGRAM, 0);

  if (argc != 3 || inet_pton(AF_INET, argv[1], &address.sin_addr) != 1) return 2;
  address.sin_port = htons((in_port_t)atoi(argv[2]));
  membership.imr_multiaddr = address.sin_addr;
  if (setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
      setsockopt(s, IPPROTO_IP, IP_RECVTTL, &on, sizeof on) != 0 ||
      bind(s, (struct sockaddr *)&address, sizeof address) != 0 ||
      setsockopt(s, IPPROTO_IP, IP_ADD_MEMBERSHIP, &membership, sizeof membership) != 0 || recvmsg(s, &message, 0) < 0) {
    perror("multicast-ttl");
    return 1;
  }
  for (struct cmsghdr *one = CMSG_FIRSTHDR(&message); one; one = CMSG_NXTHDR(&message, one)) {
    if (one->cmsg_level != IPPROTO_IP || one->cmsg_type != IP_TTL) continue;
    memcpy(&ttl, CMSG_DATA(one), sizeof ttl);
    printf("%d\n", ttl);
    return 0;
  }
  return 1;
}
