/// The names in a folder.
#pragma once

#include <dirent.h>

#include <cerrno>
#include <filesystem>
#include <memory>

#include <accrete/core/macros.hpp>

ACCRETE_BEGIN_NAMESPACE

/// Calls f(name) for everything in a folder, in no order; 0, or the errno of what went wrong. (libstdc++'s
/// directory_iterator ends the program where memory runs out: version 12 advances it in a noexcept function.)
template <class F>
[[nodiscard]] int for_each_name_in(std::filesystem::path const& folder, F&& f) {
  struct Closer {
    void operator()(::DIR* open) const { ::closedir(open); }
  };
  std::unique_ptr<::DIR, Closer> const open(::opendir(folder.c_str()));
  if (open == nullptr) return errno;
  errno = 0;
  while (::dirent const* const entry = ::readdir(open.get())) {
    f(static_cast<char const*>(entry->d_name));
    errno = 0;
  }
  return errno;
}

ACCRETE_END_NAMESPACE
