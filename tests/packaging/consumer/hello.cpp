/// The least that a user's program can be.
#include <accrete/core/error.hpp>
#include <accrete/core/version.hpp>
#include <iostream>

int main() {
  std::cout << accrete::message("accrete ", ACCRETE_VERSION_STRING, '\n');
}
