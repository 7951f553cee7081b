/// What a save asks of the disk, recorded; and what the disk may hold if the power fails on the way.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <random>
#include <string>
#include <vector>

#include <accrete/io/file_calls.hpp>

namespace accrete_test {

/// One call that changes the disk, or that waits until it has changed.
struct DiskOperation {
  enum class Kind { create, write, sync, rename, unlink, sync_folder };
  Kind kind{};
  int file = 0;              // a number for what a name stands for
  std::string name{};        // create, unlink: of the file; rename: its new one
  std::string old_name{};    // rename
  std::uint64_t offset = 0;  // write
  std::string bytes{};
};

/// While it lives, all calls work, and those that change files are recorded. Files that were there before have the
/// number 0.
class RecordedFileCalls {
 public:
  RecordedFileCalls() {
    state() = {};
    accrete::FileCalls& calls = accrete::file_calls();
    calls.open = open;
    calls.close = close;
    calls.pwrite = pwrite;
    calls.fsync = fsync;
    calls.rename = rename;
    calls.unlink = unlink;
  }
  RecordedFileCalls(RecordedFileCalls const&) = delete;
  RecordedFileCalls& operator=(RecordedFileCalls const&) = delete;
  ~RecordedFileCalls() { accrete::file_calls() = accrete::posix_file_calls(); }

  [[nodiscard]] static std::vector<DiskOperation> const& operations() { return state().operations; }

 private:
  using Kind = DiskOperation::Kind;
  static constexpr int folder = -1;

  struct State {
    std::vector<DiskOperation> operations{};
    std::map<int, int> files{};  // of descriptors
    std::map<std::string, int> names{};
    int last_file = 0;
  };
  [[nodiscard]] static State& state() {
    static State state;
    return state;
  }
  [[nodiscard]] static accrete::FileCalls const& real() {
    static accrete::FileCalls const calls = accrete::posix_file_calls();
    return calls;
  }
  [[nodiscard]] static std::string name_of(char const* path) {
    return std::filesystem::path(path).filename().string();
  }

  static int open(char const* path, int flags, mode_t mode) {
    int const descriptor = real().open(path, flags, mode);
    if (descriptor < 0) return descriptor;
    if ((flags & O_CREAT) != 0) {
      int const file = ++state().last_file;
      state().files[descriptor] = state().names[name_of(path)] = file;
      state().operations.push_back({.kind = Kind::create, .file = file, .name = name_of(path)});
    } else {
      state().files[descriptor] = (flags & O_DIRECTORY) != 0 ? folder : 0;
    }
    return descriptor;
  }
  static int close(int descriptor) {
    state().files.erase(descriptor);
    return real().close(descriptor);
  }
  static ssize_t pwrite(int descriptor, void const* bytes, std::size_t count, off_t offset) {
    ssize_t const written = real().pwrite(descriptor, bytes, count, offset);
    if (written > 0)
      state().operations.push_back(
          {.kind = Kind::write,
           .file = state().files.at(descriptor),
           .offset = static_cast<std::uint64_t>(offset),
           .bytes = {static_cast<char const*>(bytes), static_cast<std::size_t>(written)}});
    return written;
  }
  static int fsync(int descriptor) {
    int const file = state().files.at(descriptor);
    state().operations.push_back(
        {.kind = file == folder ? Kind::sync_folder : Kind::sync, .file = file});
    return real().fsync(descriptor);
  }
  static int rename(char const* from, char const* to) {
    auto const moved = state().names.extract(name_of(from));
    int const file = moved.empty() ? 0 : moved.mapped();
    state().names[name_of(to)] = file;
    state().operations.push_back(
        {.kind = Kind::rename, .file = file, .name = name_of(to), .old_name = name_of(from)});
    return real().rename(from, to);
  }
  static int unlink(char const* path) {
    state().operations.push_back({.kind = Kind::unlink, .name = name_of(path)});
    return real().unlink(path);
  }
};

/// A folder after a power cut: names and contents of its files.
using DiskState = std::map<std::string, std::string>;

/// A state in which the disk may be if the power fails after the first `done` operations on a folder that held `before`.
///
/// What a sync waited for is there. Of all else, each sector of 512 bytes and each change of a name may be there or not,
/// whatever came before or after it: `chance` out of 100 are. Bytes of a file that were not written are zeros.
[[nodiscard]] inline DiskState after_power_cut(DiskState const& before,
                                               std::vector<DiskOperation> const& operations,
                                               std::size_t done, unsigned chance,
                                               std::mt19937_64& random) {
  using Kind = DiskOperation::Kind;
  constexpr std::size_t sector = 512;
  auto const is_there = [&](std::size_t i, auto const& waits_for_it) {
    for (std::size_t j = i + 1; j < done; ++j)
      if (waits_for_it(operations[j])) return true;
    return random() % 100 < chance;
  };
  std::map<int, std::string> contents;  // of files that are not in `before`
  std::map<std::string, int> names;
  DiskState state = before;
  for (std::size_t i = 0; i < done; ++i) {
    DiskOperation const& operation = operations[i];
    auto const syncs_the_file = [&](DiskOperation const& later) {
      return later.kind == Kind::sync && later.file == operation.file;
    };
    auto const syncs_the_folder = [](DiskOperation const& later) {
      return later.kind == Kind::sync_folder;
    };
    if (operation.kind == Kind::write) {
      std::string& content = contents[operation.file];
      for (std::size_t at = 0; at < operation.bytes.size();) {
        std::size_t const place = operation.offset + at;
        std::size_t const count = std::min(sector - place % sector, operation.bytes.size() - at);
        if (is_there(i, syncs_the_file)) {
          content.resize(std::max(content.size(), place + count));
          content.replace(place, count, operation.bytes, at, count);
        }
        at += count;
      }
    } else if (operation.kind == Kind::create || operation.kind == Kind::rename) {
      if (!is_there(i, syncs_the_folder)) continue;
      names[operation.name] = operation.file;
      names.erase(operation.old_name);
    } else if (operation.kind == Kind::unlink) {
      if (!is_there(i, syncs_the_folder)) continue;
      names.erase(operation.name);
      state.erase(operation.name);
    }
  }
  for (auto const& [name, file] : names) state[name] = contents[file];
  return state;
}

}  // namespace accrete_test
