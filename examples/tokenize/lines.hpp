/// Lines of one JSON value each, in and out, a group at a time.
#pragma once

#include <accrete/accrete.hpp>
#include <cstdint>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

/// A line with the offset of its first byte in the file.
struct Line {
  std::string text;
  std::uint64_t offset = 0;
};

/// Lines of a file, or of the standard input for "-".
class LineReader {
 public:
  explicit LineReader(std::string const& path) : name_(path == "-" ? "standard input" : path) {
    if (path == "-") return;
    file_.open(path, std::ios::binary);
    if (!file_) throw accrete::FileError(path, "cannot open");
    in_ = &file_;
  }

  [[nodiscard]] std::string const& name() const { return name_; }
  [[nodiscard]] std::uint64_t offset() const { return offset_; }

  /// The next lines, 4 MiB or 4096 of them; none at the end.
  [[nodiscard]] std::vector<Line> next_group() {
    std::vector<Line> lines;
    std::size_t bytes = 0;
    for (std::string text;
         bytes < group_bytes && lines.size() < 4096 && std::getline(*in_, text);) {
      bytes += text.size();
      std::uint64_t const begin = offset_;
      offset_ += text.size() + 1;
      lines.push_back({std::move(text), begin});
    }
    if (in_->bad()) throw accrete::FileError(name_, offset_, "cannot read on");
    return lines;
  }

 private:
  static constexpr std::size_t group_bytes = std::size_t{4} << 20;

  std::string name_;
  std::ifstream file_;
  std::istream* in_ = &std::cin;
  std::uint64_t offset_ = 0;
};
