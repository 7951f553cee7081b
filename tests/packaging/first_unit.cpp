/// One of two translation units that include everything; with the other it makes a program only if each function is
/// defined once.
#include "all_headers.hpp"

char const* version_in_second_unit();

int main() {
  return version_in_second_unit() == std::string(ACCRETE_VERSION_STRING) ? 0 : 1;
}
