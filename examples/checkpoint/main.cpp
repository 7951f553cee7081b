// What is in a file of tensors, and is it whole? inspect, verify, diff, convert.
#include <cstdio>
#include <exception>

#include "arguments.hpp"
#include "convert.hpp"
#include "diff.hpp"
#include "inspect.hpp"
#include "verify.hpp"

int main(int argument_count, char** words) {
  try {
    Arguments arguments;
    if (!read_arguments(argument_count, words, arguments)) return 0;
    if (arguments.command == "inspect") return inspect(arguments);
    if (arguments.command == "verify") return verify(arguments);
    if (arguments.command == "diff") return diff(arguments);
    return convert(arguments);
  } catch (boost::program_options::error const& error) {
    std::fprintf(stderr, "accrete-checkpoint: %s; see --help\n", error.what());
    return 2;
  } catch (std::exception const& error) {
    std::fprintf(stderr, "accrete-checkpoint: %s\n", error.what());
    return is_damaged;
  }
}
