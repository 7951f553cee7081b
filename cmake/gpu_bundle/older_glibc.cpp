/// What the C++ library asks of the C library since 2.36, so that the bundle's programs start with 2.34, too.
#include <sys/random.h>

extern "C" unsigned arc4random() {
  unsigned number = 0;
  while (getrandom(&number, sizeof number, 0) != static_cast<ssize_t>(sizeof number)) {
  }
  return number;
}
