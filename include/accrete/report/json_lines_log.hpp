/// A log of JSON objects, one per line, for programs that read logs.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>
#include <utility>

#include <accrete/core/error.hpp>
#include <accrete/core/index.hpp>
#include <accrete/core/macros.hpp>
#include <accrete/io/json.hpp>
#include <accrete/report/row_file.hpp>

ACCRETE_BEGIN_NAMESPACE

/// Each row is an object with an integer "step".
class JsonLinesLog {
 public:
  /// A new log, in the place of an older one.
  explicit JsonLinesLog(std::filesystem::path const& path) : file_(RowFile::create(path)) {}

  /// Goes on with a log after `last_step`: what an interrupted run wrote beyond it is cut off atomically. A log that
  /// does not exist begins anew. FileError if a row is no JSON object with a step.
  [[nodiscard]] static JsonLinesLog resume(std::filesystem::path const& path, Index last_step);

  /// One row, on the disk's side of the program when this returns. ValueError without an integer "step".
  void append(Json const& row);

 private:
  explicit JsonLinesLog(RowFile file) : file_(std::move(file)) {}

  RowFile file_;
};

inline JsonLinesLog JsonLinesLog::resume(std::filesystem::path const& path, Index last_step) {
  if (!std::filesystem::exists(path)) return JsonLinesLog(path);
  return JsonLinesLog(RowFile::resume(path, [&](std::string_view row, std::uint64_t offset) {
    try {
      return Json::parse(row, path.string()).at("step").as_int() <= last_step;
    } catch (Error const& error) {
      throw FileError(path.string(), offset,
                      message("expected a JSON object with a step (", error.what(), ')'));
    }
  }));
}

inline void JsonLinesLog::append(Json const& row) {
  static_cast<void>(row.at("step").as_int());
  file_.append(row.dump());
}

ACCRETE_END_NAMESPACE
