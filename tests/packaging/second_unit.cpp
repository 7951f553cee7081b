/// The other one.
#include "all_headers.hpp"

char const* version_in_second_unit();
char const* version_in_second_unit() {
  return ACCRETE_VERSION_STRING;
}
