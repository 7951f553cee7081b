/// What stands beside measurements: which processor, and how much memory the process took.
#pragma once

#include <fstream>
#include <string>
#include <string_view>

#include <accrete/core/macros.hpp>

ACCRETE_BEGIN_NAMESPACE

namespace detail {

/// What follows the colon in the first line of a file of /proc that begins with `name`, without blanks before; empty
/// where there is none.
[[nodiscard]] inline std::string proc_value(char const* path, std::string_view name) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with(name)) continue;
    std::size_t const colon = line.find(':', name.size());
    std::size_t const begin = line.find_first_not_of(" \t", colon == line.npos ? colon : colon + 1);
    return begin == line.npos ? "" : line.substr(begin);
  }
  return "";
}

}  // namespace detail

/// "AMD EPYC", as Linux names it; "unknown processor" elsewhere.
[[nodiscard]] inline std::string processor_name() {
  std::string name = detail::proc_value("/proc/cpuinfo", "model name");
  return name.empty() ? "unknown processor" : name;
}

/// The greatest resident size of this process so far, in MiB; 0 where the system does not say. (getrusage would count
/// that of the process which started it.)
[[nodiscard]] inline double peak_memory_mib() {
  std::string const kib = detail::proc_value("/proc/self/status", "VmHWM");
  return kib.empty() ? 0 : std::stod(kib) / 1024;
}

ACCRETE_END_NAMESPACE
