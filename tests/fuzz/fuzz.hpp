/// What the fuzz targets share: a file for readers that want a path, and the two ends that reading may have.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <accrete/core/error.hpp>
#include <accrete/io/file_calls.hpp>

#include "support/scratch_folder.hpp"

namespace accrete_fuzz {

/// Ends the program, which libFuzzer reports together with the input.
inline void require(bool holds, char const* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

/// What read() gives, or nothing where it throws a FileError that names `source`. Any other exception ends the program.
template <class Read>
[[nodiscard]] auto read_or_refuse(std::string_view source, Read const& read) noexcept
    -> std::optional<decltype(read())> {
  try {
    return read();
  } catch (accrete::FileError const& error) {
    require(std::string_view(error.what()).starts_with(source), "an error names the file");
    require(std::string_view(error.what()).size() > source.size() + 2, "an error has a reason");
    return std::nullopt;
  }
}

/// One file in memory, whose content changes with each input.
class MemoryFile {
 public:
  MemoryFile() : descriptor_(::memfd_create("input", MFD_CLOEXEC)) {
    require(descriptor_ >= 0, "there is memory for a file");
    path_ = "/proc/self/fd/" + std::to_string(descriptor_);
  }
  MemoryFile(MemoryFile const&) = delete;
  MemoryFile& operator=(MemoryFile const&) = delete;
  ~MemoryFile() { ::close(descriptor_); }

  void set(std::span<std::uint8_t const> content) const {
    require(::ftruncate(descriptor_, 0) == 0, "a file can be emptied");
    require(::pwrite(descriptor_, content.data(), content.size(), 0) ==
                static_cast<ssize_t>(content.size()),
            "a file takes its content");
  }
  [[nodiscard]] std::string const& path() const { return path_; }

 private:
  int descriptor_;
  std::string path_;
};

/// Where writers write. Nothing waits for the disk: files live as long as one input.
class OutputFolder {
 public:
  OutputFolder() {
    accrete::file_calls().fsync = [](int) { return 0; };
  }
  [[nodiscard]] std::filesystem::path file() const { return folder_ / "written"; }

 private:
  accrete_test::ScratchFolder folder_;
};

}  // namespace accrete_fuzz
