/// Whether a file has room on its disk, asked before it is written.
#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>

#include <accrete/core/error.hpp>
#include <accrete/io/file.hpp>

ACCRETE_BEGIN_NAMESPACE

/// Throws FileError where the file system of `target`'s folder has not `bytes` free for this user. A file that `target`
/// replaces stays until the new one is whole, so its bytes do not count. Where the system cannot say what is free,
/// nothing is thrown: writing will tell.
inline void require_free_space(std::filesystem::path const& target, std::uint64_t bytes) {
  std::filesystem::path const folder = target.has_parent_path() ? target.parent_path() : ".";
  struct ::statvfs status {};
  int const result =
      detail::uninterrupted([&] { return file_calls().statvfs(folder.c_str(), &status); });
  if (result != 0 || status.f_blocks == 0) return;
  constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t const block = status.f_frsize, blocks = status.f_bavail;
  std::uint64_t const free = block > 0 && blocks > most / block ? most : block * blocks;
  if (free >= bytes) return;
  throw FileError(
      target.string(),
      message("cannot write: it needs ", bytes, " bytes, and the file system of ", folder.string(),
              " has ", free, " free; free some there, or choose another folder"));
}

ACCRETE_END_NAMESPACE
