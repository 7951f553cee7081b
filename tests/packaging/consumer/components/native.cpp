/// accrete::native is a set of flags that accrete compiles with.
#include <accrete/core/error.hpp>

int main() {
  return accrete::message(ACCRETE_ISA_STRING).empty() ? 1 : 0;
}
