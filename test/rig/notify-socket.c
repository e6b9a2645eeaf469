/* The service manager's end of sd_notify(3): prints each datagram that comes to the socket it is told, on a line. */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int main(int argc, char **argv) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  char text[4096];
  ssize_t length;
  int s = socket(AF_UNIX, SOCK_DGRAM, 0);

  if (argc != 2 || strlen(argv[1]) >= sizeof address.sun_path) return 2;
  strcpy(address.sun_path, argv[1]);
  if (bind(s, (struct sockaddr *)&address, sizeof address) != 0) return 1;
  puts("bound");
  fflush(stdout);
  /* Descriptors that come along (BARRIER=1) are closed by the kernel, since there is no room for them. */
  while ((length = recv(s, text, sizeof text, 0)) >= 0) {
    for (ssize_t i = 0; i < length; i++) putchar(text[i] == '\n' ? ' ' : text[i]);
    putchar('\n');
    fflush(stdout);
  }
  return 1;
}
