/// A table of numbers over steps, as comma-separated values (RFC 4180) that any spreadsheet reads.
#pragma once

#include <array>
#include <charconv>
#include <concepts>
#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <accrete/core/error.hpp>
#include <accrete/core/index.hpp>
#include <accrete/core/macros.hpp>
#include <accrete/report/row_file.hpp>

ACCRETE_BEGIN_NAMESPACE

/// One value of a row: a number, written so that it reads back to the last bit, or a word. Line breaks in words become
/// spaces, so that a row stays a line.
class CsvCell {
 public:
  CsvCell(std::integral auto value) { put(value); }
  CsvCell(std::floating_point auto value) { put(value); }
  CsvCell(std::string_view word);
  CsvCell(std::string const& word) : CsvCell(std::string_view(word)) {}
  CsvCell(char const* word) : CsvCell(std::string_view(word)) {}

  [[nodiscard]] std::string const& text() const { return text_; }

 private:
  void put(auto value) {
    std::array<char, 64> digits{};
    text_.assign(digits.data(),
                 std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr);
  }

  std::string text_;
};

class CsvLog {
 public:
  /// A new log, in the place of an older one. The first column counts steps.
  CsvLog(std::filesystem::path const& path, std::vector<std::string> const& columns)
      : column_count_(columns.size()), file_(RowFile::create(path, header(columns) + '\n')) {}

  /// Goes on with a log after `last_step`: what an interrupted run wrote beyond it is cut off atomically. A log that
  /// does not exist begins anew. FileError if the file has other columns or its rows do not begin with a step.
  [[nodiscard]] static CsvLog resume(std::filesystem::path const& path,
                                     std::vector<std::string> const& columns, Index last_step);

  /// One row, on the disk's side of the program when this returns. ValueError unless there is a cell per column.
  void append(std::span<CsvCell const> cells);
  void append(std::initializer_list<CsvCell> cells) {
    append(std::span(cells.begin(), cells.size()));
  }

 private:
  CsvLog(std::size_t column_count, RowFile file)
      : column_count_(column_count), file_(std::move(file)) {}

  [[nodiscard]] static std::string header(std::vector<std::string> const& columns);
  [[nodiscard]] static Index step_of(std::string_view row, std::filesystem::path const& path,
                                     std::uint64_t offset);

  std::size_t column_count_;
  RowFile file_;
};

inline CsvCell::CsvCell(std::string_view word) {
  bool const quoted = word.find_first_of(",\"\r\n") != std::string_view::npos;
  if (quoted) text_ += '"';
  for (char const c : word) {
    if (c == '"') text_ += '"';
    text_ += c == '\n' || c == '\r' ? ' ' : c;
  }
  if (quoted) text_ += '"';
}

inline std::string CsvLog::header(std::vector<std::string> const& columns) {
  if (columns.empty()) throw ValueError("csv log: no columns");
  std::string line;
  for (std::string const& column : columns)
    line += (line.empty() ? "" : ",") + CsvCell(column).text();
  return line;
}

inline Index CsvLog::step_of(std::string_view row, std::filesystem::path const& path,
                             std::uint64_t offset) {
  Index step = 0;
  auto const [end, error] = std::from_chars(row.data(), row.data() + row.size(), step);
  if (error != std::errc{} || (end != row.data() + row.size() && *end != ',')) {
    throw FileError(path.string(), offset, "expected a row that begins with a step");
  }
  return step;
}

inline CsvLog CsvLog::resume(std::filesystem::path const& path,
                             std::vector<std::string> const& columns, Index last_step) {
  if (!std::filesystem::exists(path)) return CsvLog(path, columns);
  std::string const expected = header(columns);
  bool header_seen = false;
  RowFile file = RowFile::resume(path, [&](std::string_view row, std::uint64_t offset) {
    if (offset > 0) return step_of(row, path, offset) <= last_step;
    header_seen = row == expected;
    if (!header_seen)
      throw FileError(path.string(), 0,
                      message("expected the columns ", expected, ", found ", row));
    return true;
  });
  if (!header_seen) file.append(expected);  // a crash came before the header was whole
  return CsvLog(columns.size(), std::move(file));
}

inline void CsvLog::append(std::span<CsvCell const> cells) {
  if (cells.size() != column_count_) {
    throw ValueError(message("csv log ", file_.path().string(), ": expected ", column_count_,
                             " cells, got ", cells.size()));
  }
  std::string row;
  for (CsvCell const& cell : cells) row += (&cell == cells.data() ? "" : ",") + cell.text();
  file_.append(row);
}

ACCRETE_END_NAMESPACE
