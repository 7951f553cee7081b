/// One bit of a file at a time.
#pragma once

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <string>

namespace accrete_test {

/// While it lives, one bit of the file is the other way round. In place: making the file anew would wait for the disk.
class ChangedBit {
 public:
  ChangedBit(std::filesystem::path const& path, std::size_t byte, unsigned bit)
      : file_(path, std::ios::in | std::ios::out | std::ios::binary), byte_(byte), mask_(1 << bit) {
    change();
  }
  ChangedBit(ChangedBit const&) = delete;
  ChangedBit& operator=(ChangedBit const&) = delete;
  ~ChangedBit() { change(); }

 private:
  void change() {
    file_.seekg(static_cast<std::streamoff>(byte_));
    int const value = file_.get();
    file_.seekp(static_cast<std::streamoff>(byte_));
    file_.put(static_cast<char>(value ^ mask_));
    file_.flush();
  }

  std::fstream file_;
  std::size_t byte_;
  int mask_;
};

/// A new file with this content, in the place of another.
inline void put_file(std::filesystem::path const& path, std::string const& content) {
  std::filesystem::remove(path);
  std::ofstream(path, std::ios::binary) << content;
}

}  // namespace accrete_test
