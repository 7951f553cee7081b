/// Temporary files that processes which were killed have left behind. Include atomic_file.hpp.
#pragma once

#include <signal.h>
#include <sys/types.h>

#include <cerrno>
#include <charconv>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include <accrete/core/error.hpp>
#include <accrete/io/file.hpp>
#include <accrete/io/folder_names.hpp>

ACCRETE_BEGIN_NAMESPACE
namespace detail {

[[nodiscard]] inline std::string name_of_temporary(::pid_t process, std::uint64_t number) {
  return message(".accrete-", process, "-", number, ".tmp");
}

/// The process in such a name.
[[nodiscard]] inline std::optional<::pid_t> process_of_temporary(std::string_view name) {
  constexpr std::string_view begin = ".accrete-", end = ".tmp";
  if (!name.starts_with(begin) || !name.ends_with(end)) return std::nullopt;
  name.remove_prefix(begin.size());
  ::pid_t process = 0;
  auto const [rest, error] = std::from_chars(name.data(), name.data() + name.size(), process);
  if (error != std::errc{} || process <= 0 || *rest != '-') return std::nullopt;
  return process;
}

/// Keeps the file of a process that lives from being taken for a stale one by a process that cannot see it, on
/// another machine or in another container. Where there are no locks, nothing is stale.
inline void mark_as_in_use(File& file) {
  try {
    static_cast<void>(file.try_lock());
  } catch (std::exception const&) {  // no locks here, or no memory for their error
  }
}

/// Removes the temporary files in `folder` whose processes have ended. What cannot be removed stays: it is no reason
/// not to write.
inline void remove_stale_temporaries(std::filesystem::path const& folder) noexcept try {
  static_cast<void>(for_each_name_in(folder, [&](char const* name) {
    auto const process = process_of_temporary(name);
    if (!process || ::kill(*process, 0) == 0 || errno != ESRCH) return;
    std::filesystem::path const path = folder / name;
    try {
      File file = File::open_for_writing(path);
      if (file.try_lock()) file_calls().unlink(path.c_str());
    } catch (FileError const&) {  // another process was faster, or it is not ours
    }
  }));
} catch (...) {
}

}  // namespace detail
ACCRETE_END_NAMESPACE
